# osdimage: runs a batch file of a first start, and ends it with all that it has started when its time is over.
# What it writes goes where this writes.  The exit code is that of the file, or 1460 (ERROR_TIMEOUT).
param([string]$Shell, [string]$File, [int]$Seconds)
$start = New-Object System.Diagnostics.ProcessStartInfo
$start.FileName = $Shell
$start.Arguments = '/d /c "' + $File + '"'
$start.UseShellExecute = $false
$process = [System.Diagnostics.Process]::Start($start)
if ($process.WaitForExit($Seconds * 1000)) { exit $process.ExitCode }
& "$env:SystemRoot\System32\taskkill.exe" /t /f /pid $process.Id | Out-Null
exit 1460
