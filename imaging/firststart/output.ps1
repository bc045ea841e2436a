# osdimage: lets the last 1000 characters that a step of a first start has written become a variable of vars.txt.
# A line of that file holds no end of a line, and no quotation mark, which could end those around it: blanks instead.
param([string]$File, [string]$Name)
$ErrorActionPreference = 'Stop'
$here = (Get-Location).ProviderPath
$encoding = [System.Text.Encoding]::GetEncoding([Console]::OutputEncoding.CodePage)
$from = [System.IO.File]::OpenRead((Join-Path $here $File))
if ($from.Length -gt 65536) { [void]$from.Seek(-65536, [System.IO.SeekOrigin]::End) }
$bytes = New-Object byte[] 65536
$count = $from.Read($bytes, 0, $bytes.Length)
$from.Close()
$text = ($encoding.GetString($bytes, 0, $count) -replace '[\x00-\x1f"]+', ' ').Trim()
if ($text.Length -gt 1000) { $text = $text.Substring($text.Length - 1000) }
$line = $encoding.GetBytes($Name + '=' + $text.TrimStart('=', ' ') + "`r`n")
$into = New-Object System.IO.FileStream -ArgumentList (Join-Path $here 'vars.txt'), ([System.IO.FileMode]::Append)
$into.Write($line, 0, $line.Length)
$into.Close()
