# `make test` for Windows PowerShell 5 or newer. Untested: CI runs Linux only. Tests against the npm and go peers are skipped.
$ErrorActionPreference = 'Stop'
Set-Location $PSScriptRoot

function Invoke-Checked([string] $Program, [string[]] $Arguments) {
    & $Program @Arguments
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
}

$python = '.venv\Scripts\python.exe'
if (-not (Test-Path $python)) {
    if (Get-Command py -ErrorAction SilentlyContinue) { Invoke-Checked 'py' @('-3', '-m', 'venv', '.venv') }
    else { Invoke-Checked 'python' @('-m', 'venv', '.venv') }
}
Invoke-Checked $python @('-c', 'import sys; sys.exit(sys.version_info < (3, 11) and ''escrow needs Python 3.11 or newer'')')
Invoke-Checked $python @('-m', 'pip', 'install', '--quiet', '--require-hashes', '-r', 'requirements-dev.txt')
Invoke-Checked $python @('-m', 'pip', 'install', '--quiet', '--no-deps', '--no-build-isolation', '-e', '.')
Invoke-Checked $python @('-m', 'pytest', '-n', 'auto', '-m', 'not slow')
