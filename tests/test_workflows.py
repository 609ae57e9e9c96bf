"""Continuous integration, releases and forms: what they call is there, and they may do little."""

import re
import subprocess
from pathlib import Path

import pytest
import repository_links
import set_repository
import yaml

ROOT = Path(__file__).resolve().parent.parent
GITHUB = ROOT / ".github"
PATHS = sorted((GITHUB / "workflows").glob("*.yml"))
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in PATHS}
FORMS = {
    path.name: yaml.safe_load(path.read_text())
    for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml")
    if path.name != "config.yml"
}
MAKEFILE = (ROOT / "Makefile").read_text()


def steps(workflow: dict) -> list[dict]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def commands(workflow: dict) -> str:
    return "\n".join(step["run"] for step in steps(workflow) if "run" in step)


def triggers(workflow: dict) -> dict:
    return workflow[True]  # YAML 1.1 reads `on` as a truth value


@pytest.fixture(params=WORKFLOWS)
def workflow(request) -> dict:
    return WORKFLOWS[request.param]


def test_every_target_script_and_variable_that_a_workflow_uses_exists(workflow):
    text = commands(workflow)
    called = re.findall(r"^(?:run: )?make (\S+)((?: \w+=\S*)*)$", text, re.MULTILINE)

    assert called or "set_repository" in text
    for target, variables in called:
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
        for name in re.findall(r"(\w+)=", variables):
            assert re.search(rf"^{name} \?=", MAKEFILE, re.MULTILINE), name
    for script in re.findall(r"\S+\.py", text):
        assert (ROOT / script).is_file(), script


def test_every_command_is_valid_shell(workflow):
    for step in steps(workflow):
        if "run" in step:
            text = re.sub(r"\$\{\{.*?\}\}", "x", step["run"])
            check = subprocess.run(["bash", "-n"], input=text, text=True, capture_output=True)
            assert check.returncode == 0, check.stderr


def test_no_text_of_others_reaches_a_shell(workflow):
    """Titles and branches of a pull request are: an expression in a command would run them."""
    assert "${{" not in commands(workflow)
    assert "pull_request_target" not in triggers(workflow)


def test_a_workflow_may_read_and_a_job_writes_only_what_it_says(workflow):
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        writes = job.get("permissions", {})
        installs = any(step.get("run", "").startswith("make ") for step in job["steps"])
        # Packages from elsewhere run in such a job.
        assert not (writes and installs)
        assert len(writes) <= 2


def test_a_workflow_ends_and_does_not_run_twice_for_the_same(workflow):
    assert workflow["concurrency"]["group"]
    assert all(job["timeout-minutes"] <= 90 for job in workflow["jobs"].values())


def test_actions_are_github_s_own_and_pinned_by_their_major_version(workflow):
    used = [step["uses"] for step in steps(workflow) if "uses" in step]

    assert [name for name in used if not re.fullmatch(r"actions/[\w-]+@v\d+", name)] == []
    for step in steps(workflow):
        if step.get("uses", "").startswith("actions/checkout@"):
            # The version is that of the last tag; the token stays out of the checkout.
            assert step["with"] == {"fetch-depth": 0, "persist-credentials": False}


def test_tests_run_on_every_push_and_pull_request_and_install_nothing_beforehand():
    tests = WORKFLOWS["tests"]

    assert {"push", "pull_request"} <= set(triggers(tests))
    assert commands(tests) == "make test"
    assert (ROOT / ".ci" / "run").read_text().endswith("exec make test\n")


def test_a_tag_publishes_wheel_copies_and_site_in_this_order():
    release = WORKFLOWS["release"]
    build, publish, deploy = (release["jobs"][name] for name in ("build", "publish", "deploy"))

    assert triggers(release) == {"push": {"tags": ["v*"]}}
    assert publish["needs"] == "build" and deploy["needs"] == "publish"
    text = commands(release)
    wheel = set_repository.wheel("", "").rsplit("/", 1)[-1]  # denoise_lib--py3-none-any.whl
    assert wheel.replace("--", "-${GITHUB_REF_NAME#v}-") in text
    assert "--check-tag" in text and "--check-address" in text
    assert f"HEAD:{set_repository.COPIES}" in text
    uploaded = [step["with"]["path"] for step in build["steps"] if "upload" in step.get("uses", "")]
    assert "book/_build/html" in uploaded[0] and "build/colab" in uploaded[1]
    assert deploy["permissions"] == {"pages": "write", "id-token": "write"}


def test_the_weekly_tests_pin_nothing_and_their_failure_is_reported():
    weekly = WORKFLOWS["weekly"]
    report = weekly["jobs"]["report"]

    assert "schedule" in triggers(weekly) and "make test PIN=\n" in commands(weekly)
    assert report["needs"] == "test" and report["if"].startswith("failure()")
    assert report["permissions"] == {"issues": "write"}
    assert "gh issue comment" in commands(weekly) and "gh issue create" in commands(weekly)


@pytest.mark.parametrize("name", FORMS)
def test_a_form_asks_for_something_and_its_fields_have_names_of_their_own(name):
    form = FORMS[name]
    names = [field["id"] for field in form["body"]]

    assert form["name"] and form["description"] and len(names) == len(set(names))
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def test_the_site_s_button_opens_a_form_with_a_field_for_the_page():
    fields = {field["id"]: field["type"] for field in FORMS[repository_links.DOUBTS]["body"]}

    assert fields["page"] == "input"


def test_dependabot_looks_after_the_actions():
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text())["updates"]

    assert {"github-actions", "pip"} <= {each["package-ecosystem"] for each in updates}
    assert all((ROOT / each["directory"].strip("/")).is_dir() for each in updates)
