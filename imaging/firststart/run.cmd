@echo off
rem osdimage: runs the steps beside it at the first start of this Windows, and goes on after each restart.
rem This text is the same on every disk.  What the files beside it mean: osdimage, imaging/firststart/__init__.py.
setlocal EnableExtensions DisableDelayedExpansion
set "_fs_here=%~dp0"
set "_fs_self=%~f0"
set "_fs_reg=%SystemRoot%\System32\reg.exe"
set "_fs_power=%SystemRoot%\System32\WindowsPowerShell\v1.0\powershell.exe -NoProfile -NonInteractive"
set "_fs_setup=HKLM\SYSTEM\Setup"
set _fs_logon=
if /i "%~1"=="logon" set _fs_logon=1
pushd "%_fs_here%"
if errorlevel 1 exit /b 1
rem The first logon is for a Windows whose setup did not come here.
if defined _fs_logon if exist starts.txt (
    popd
    exit /b 0
)
if exist done goto over
if exist failed goto over

rem What runs as the system is changed by nobody but the system and administrators.
"%SystemRoot%\System32\icacls.exe" . /inheritance:r /grant:r *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F >nul 2>&1

set _fs_step=1
set _fs_code=0
set _fs_succeeded=true
set _fs_wrong=
if not exist next.txt goto count
rem A file without its text (the power was cut) must neither begin anew nor pass for the end.
set _fs_step=0
for /f "usebackq tokens=1-3" %%a in ("next.txt") do (
    set "_fs_step=%%a"
    set "_fs_code=%%b"
    set "_fs_succeeded=%%c"
)
if "%_fs_step%"=="0" set _fs_wrong=1
for /f "delims=0123456789" %%a in ("%_fs_step%") do set _fs_wrong=1

:count
rem Count the starts, and those that come to the same step: what restarts for ever must not keep people from the computer.
set _fs_starts=0
set _fs_at=0
set _fs_same=0
if exist starts.txt for /f "usebackq tokens=1-3" %%a in ("starts.txt") do (
    set "_fs_starts=%%a"
    set "_fs_at=%%b"
    set "_fs_same=%%c"
)
if not "%_fs_at%"=="%_fs_step%" set _fs_same=0
set /a _fs_starts=_fs_starts+1
set /a _fs_same=_fs_same+1
>starts.new echo %_fs_starts% %_fs_step% %_fs_same%
move /y starts.new starts.txt >nul
call :log "start %_fs_starts%"
if defined _fs_wrong (
    call :log "next.txt cannot be read"
    >failed echo next.txt
    goto disarm
)
if %_fs_same% gtr 20 (
    call :log "more than 20 starts at step %_fs_step%"
    >failed echo starts
    goto disarm
)

rem Arm first: what cuts the power from here on is followed by a start that comes here again.
"%_fs_reg%" add "%_fs_setup%" /v CmdLine /t REG_SZ /d "cmd.exe /d /c %_fs_self%" /f >nul 2>&1
if errorlevel 1 call :log "cannot set CmdLine: what follows a restart will not run"
"%_fs_reg%" add "%_fs_setup%" /v SetupType /t REG_DWORD /d 2 /f >nul 2>&1
"%_fs_reg%" delete "%_fs_setup%" /v SetupShutdownRequired /f >nul 2>&1

:step
if not exist "%_fs_step%\step.cmd" goto finished
set _fs_on=0
set _fs_codes=0
set _fs_retries=0
set _fs_wow=0
set _fs_restarts=0
set _fs_seconds=0
set _fs_output=-
for /f "usebackq tokens=1-7 delims=|" %%a in ("%_fs_step%\step.txt") do (
    set "_fs_on=%%a"
    set "_fs_codes=%%b"
    set "_fs_retries=%%c"
    set "_fs_wow=%%d"
    set "_fs_restarts=%%e"
    set "_fs_seconds=%%f"
    set "_fs_output=%%g"
)
if not exist running.txt goto begin
set _fs_running=%_fs_step%
set _fs_tries=99
for /f "usebackq tokens=1,2" %%a in ("running.txt") do (
    set "_fs_running=%%a"
    set "_fs_tries=%%b"
)
if not "%_fs_running%"=="%_fs_step%" goto begin
rem It was at work when the computer stopped.  It may have ended all the same.
if exist "%_fs_step%\end" goto ended
if %_fs_tries% leq %_fs_retries% goto again
call :end interrupted 0
goto ended

:begin
set _fs_tries=0
if not exist "%_fs_step%\when.cmd" goto again
call :shell "%_fs_step%\when.cmd" "%_fs_step%\when.txt" 0
if %_fs_result% equ 0 goto again
if %_fs_result% equ 1 (
    call :end skipped 0
    goto ended
)
call :log "step %_fs_step%: its condition ended with %_fs_result%"
call :end failed %_fs_result%
goto ended

:again
set /a _fs_tries=_fs_tries+1
if exist "%_fs_step%\end" del "%_fs_step%\end"
>running.new echo %_fs_step% %_fs_tries%
move /y running.new running.txt >nul
>"%_fs_step%\begin" echo %_fs_tries%
call :log "step %_fs_step% begins"
call :shell "%_fs_step%\step.cmd" "%_fs_step%\output.txt" %_fs_seconds%
if not "%_fs_output%"=="-" call :keep "%_fs_step%\output.txt" "%_fs_output%"
set _fs_state=failed
for %%c in (%_fs_codes%) do if "%_fs_result%"=="%%c" set _fs_state=done
if "%_fs_result%"=="1641" set _fs_state=done
call :end %_fs_state% %_fs_result%

:ended
rem What follows is decided by what is on the disk, so that a cut between any two lines changes nothing.
set _fs_state=failed
for /f "usebackq tokens=1,2" %%a in ("%_fs_step%\end") do (
    set "_fs_state=%%a"
    set "_fs_result=%%b"
)
if exist "%_fs_step%\secret.cmd" call :forget "%_fs_step%"
>>results.txt echo %_fs_step% %_fs_state% %_fs_result%
call :log "step %_fs_step% %_fs_state% %_fs_result%"
set /a _fs_next=_fs_step+1
set _fs_restart=
if "%_fs_state%"=="skipped" goto go_on
set "_fs_code=%_fs_result%"
set _fs_succeeded=true
if "%_fs_state%"=="done" (
    if "%_fs_result%"=="3010" set _fs_restart=1
    if "%_fs_result%"=="1641" set _fs_restart=1
    if "%_fs_restarts%"=="1" set _fs_restart=1
    goto go_on
)
set _fs_succeeded=false
if "%_fs_on%"=="0" (
    >failed echo %_fs_step% %_fs_result%
    goto disarm
)
set "_fs_next=%_fs_on%"

:go_on
if exist reboot-requested (
    set _fs_restart=1
    del reboot-requested
)
>next.new echo %_fs_next% %_fs_code% %_fs_succeeded%
move /y next.new next.txt >nul
if exist running.txt del running.txt
set "_fs_step=%_fs_next%"
if not defined _fs_restart goto step
rem Setup restarts the computer when this ends, and comes here again; at a logon there is no Setup that would.
call :log "restart"
if defined _fs_logon "%SystemRoot%\System32\shutdown.exe" /r /f /t 0
if not defined _fs_logon "%_fs_reg%" add "%_fs_setup%" /v SetupShutdownRequired /t REG_DWORD /d 1 /f >nul 2>&1
popd
exit /b 0

:over
rem It has ended before.  Only what a power cut has left of it then is cleared: by now Setup may have a command of its own.
"%_fs_reg%" query "%_fs_setup%" /v CmdLine 2>nul | "%SystemRoot%\System32\find.exe" "\FirstStart\run.cmd" >nul
if not errorlevel 1 goto disarm
popd
exit /b 0

:finished
>done echo %_fs_starts%
call :log "done"

:disarm
if exist running.txt del running.txt
for /d %%d in (*) do if exist "%%d\secret.cmd" call :forget "%%d"
if exist secrets.txt call :forget_variables
"%_fs_reg%" add "%_fs_setup%" /v SetupType /t REG_DWORD /d 0 /f >nul 2>&1
"%_fs_reg%" add "%_fs_setup%" /v CmdLine /t REG_SZ /d "" /f >nul 2>&1
"%_fs_reg%" delete "%_fs_setup%" /v SetupShutdownRequired /f >nul 2>&1
popd
exit /b 0

:end
>"%_fs_step%\end.new" echo %~1 %~2
move /y "%_fs_step%\end.new" "%_fs_step%\end" >nul
exit /b 0

:log
>>log.txt echo %DATE% %TIME% %~1
exit /b 0

:forget
rem Delete what a step with secrets has, and what it wrote; its secret.cmd last, which says that there is more to delete.
for %%i in (%~1\*) do call :forget_one "%%~i" "%%~nxi"
del /f /q "%~1\secret.cmd" >nul 2>&1
exit /b 0

:forget_one
for %%k in (step.cmd step.txt secret.cmd begin end) do if /i "%~2"=="%%k" exit /b 0
del /f /q "%~1" >nul 2>&1
exit /b 0

:forget_variables
rem Leave out of vars.txt what steps with secrets have set, which may be one.
>vars.new type nul
if exist vars.txt for /f "usebackq tokens=1* delims==" %%a in ("vars.txt") do (
    set _fs_secret=
    for /f "usebackq" %%n in ("secrets.txt") do if /i "%%n"=="%%a" set _fs_secret=1
    if not defined _fs_secret >>vars.new echo %%a=%%b
)
move /y vars.new vars.txt >nul
del /f /q secrets.txt >nul 2>&1
exit /b 0

:keep
rem Let the end of an output become a variable.
%_fs_power% -ExecutionPolicy Bypass -File .\output.ps1 "%~1" "%~2" >nul 2>&1
if errorlevel 1 call :log "step %_fs_step%: its output could not become %~2"
exit /b 0

:shell
rem Run a file with the variables of the plan, in a shell of its own; its exit code becomes _fs_result.
setlocal
if exist vars.txt for /f "usebackq tokens=1* delims==" %%a in ("vars.txt") do set "%%a=%%b"
set "_SMSTSLastActionRetCode=%_fs_code%"
set "_SMSTSLastActionSucceeded=%_fs_succeeded%"
set "OSDImageFirstStart=%_fs_here:~0,-1%"
set "_fs_shell=%SystemRoot%\System32\cmd.exe"
if "%_fs_wow%"=="1" if exist "%SystemRoot%\SysWOW64\cmd.exe" set "_fs_shell=%SystemRoot%\SysWOW64\cmd.exe"
if "%~3"=="0" goto untimed
if exist "%SystemRoot%\System32\WindowsPowerShell\v1.0\powershell.exe" goto timed
:untimed
"%_fs_shell%" /d /c "%~1" >"%~2" 2>&1
endlocal & set "_fs_result=%ERRORLEVEL%"
exit /b 0

:timed
%_fs_power% -ExecutionPolicy Bypass -File .\timed.ps1 "%_fs_shell%" "%~1" %~3 >"%~2" 2>&1
endlocal & set "_fs_result=%ERRORLEVEL%"
exit /b 0
