"""`make install`, the units for systemd, and the completion of bash."""

import os
import re
import subprocess

import pytest

from lib import patience
from lib.fairlead import PROGRAM, TOP

BUILD = os.path.dirname(PROGRAM)
COMPLETION = "/usr/share/bash-completion/bash_completion"


def run(*command, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=patience(300),
                          stdin=subprocess.DEVNULL, **more)
    assert done.returncode == 0, f"{command}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done


def make(*arguments):
    env = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    return run("make", "-C", BUILD, *arguments, env=env)


def files(folder):
    return sorted(os.path.relpath(os.path.join(where, name), folder)
                  for where, _, names in os.walk(folder) for name in names)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """What `make install` puts below DESTDIR: the folder, and the prefix in it."""
    dest = str(tmp_path_factory.mktemp("dest"))
    make("install", f"DESTDIR={dest}")
    with open(os.path.join(BUILD, "Makefile")) as f:
        prefix = re.search(r"^prefix = (.*)$", f.read(), re.M)[1]
    return dest, dest + prefix


def test_everything_is_installed_below_destdir_and_prefix(installed):
    dest, root = installed
    assert all(os.path.join(dest, f).startswith(root + "/") for f in files(dest))
    there = set(files(root))
    for name in ("sbin/fairlead", "etc/fairlead/fairlead.json", "share/man/man8/fairlead.8",
                 "share/man/man5/fairlead.conf.5", "lib/systemd/system/fairlead.service",
                 "lib/systemd/system/fairlead.socket", "lib/sysusers.d/fairlead.conf",
                 "lib/tmpfiles.d/fairlead.conf", "share/bash-completion/completions/fairlead"):
        assert name in there, sorted(there)
    run(f"{root}/sbin/fairlead", "-t", "-c", f"{root}/etc/fairlead/fairlead.json")


def test_the_operators_configuration_is_left_alone(tmp_path):
    make("install", f"DESTDIR={tmp_path}")
    conf, = tmp_path.glob("**/fairlead.json")
    conf.write_text("// mine\n")
    make("install", f"DESTDIR={tmp_path}")
    assert conf.read_text() == "// mine\n"
    make("uninstall", f"DESTDIR={tmp_path}")
    assert [f for f in files(tmp_path)] == [str(conf.relative_to(tmp_path))]
    conf.unlink()
    make("install", f"DESTDIR={tmp_path}")
    make("uninstall", f"DESTDIR={tmp_path}")
    assert files(tmp_path) == []


def test_systemd_has_nothing_against_the_units(installed, tmp_path):
    _, root = installed
    units = [f"{root}/lib/systemd/system/{name}" for name in ("fairlead.service", "fairlead.socket")]
    for path in units:
        with open(path) as f:
            text = f.read()
        assert "@" not in re.sub(r"@[a-z-]+", "", text.replace("\n~", "")), "a place left open"
        text = re.sub(r"(?<=ExecStart=)\S+", f"{root}/sbin/fairlead", text)
        (tmp_path / os.path.basename(path)).write_text(text)
    done = run("systemd-analyze", "verify", "--man=no",
               *[str(tmp_path / os.path.basename(p)) for p in units])
    assert not done.stdout and not done.stderr
    done = run("systemd-analyze", "security", "--offline=yes", "--no-pager",
               str(tmp_path / "fairlead.service"))
    level = re.search(r"exposure level for fairlead.service: ([0-9.]+)", done.stdout)
    assert float(level[1]) < 1.5, done.stdout


def complete(*words):
    """What bash offers for the last of these words."""
    script = f"""
source {COMPLETION}
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_TYPE=9 COMP_KEY=9
COMP_POINT=${{#COMP_LINE}}
compopt() {{ :; }}
_fairlead
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    return run("bash", "-c", script, "bash", f"{TOP}/conf/bash-completion/fairlead",
               *words).stdout.split()


def test_bash_completes_options_and_keys():
    assert complete("fairlead", "--l") == ["--listen"]
    assert set(complete("fairlead", "")) >= {"-c", "-t", "-T", "--backend", "--set"}
    assert complete(PROGRAM, "--set", "bosh.wa") == ["bosh.wait="]
    keys = complete(PROGRAM, "--set", "")
    assert {"workers=", "log.level=", "status.listen=", "http.trusted_proxies="} <= set(keys)
    assert not {"listen=", "domains=", "origins=", "name=", "tls="} & set(keys)
    done = run(PROGRAM, "-T", "--backend", "x.invalid=x:1")
    assert len(keys) == len(set(keys)) > 40 and all(
        f'"{k[:-1].split(".")[-1]}": ' in done.stdout for k in keys)
