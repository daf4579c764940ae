"""No committed file gives away a machine, a person or a secret."""

import pytest

from project.traces import TRACES, traces, tracked_files

# Put together here, lest this file be found itself.
PLANTED = {
    "a path of a machine": [
        "open('" + "/".join(["", "home", "someone", "run.pt"]) + "')",
        "/".join(["see file:", "", "", "srv", "notebook.html"]),
        "/".join(["", "private", "var", "folders", "zz", "x"]),
        "C:" + "\\".join(["", "Users", "someone", "run.pt"]),
        "c:" + "\\\\".join(["", "Users", "someone"]) + " as JSON has it",
        "D:" + "/".join(["", "Users", "someone"]),
    ],
    "a token of GitHub or GitLab": [
        "gh" + "p_" + 36 * "a",
        "github" + "_pat_" + 22 * "a" + "_" + 59 * "B",
        "gl" + "pat-" + 20 * "x",
    ],
    "a token of Hugging Face": ["login('h" + "f_" + 34 * "Q" + "')"],
    "a key of a cloud": ["AK" + "IA" + 16 * "7", "AI" + "za" + 35 * "k"],
    "a key of an interface": [
        "s" + "k-" + 48 * "z",
        "xo" + "xb-" + 24 * "1",
        "py" + "pi-" + 60 * "A",
    ],
    "a private key": ["-----BEGIN OPENSSH " + "PRIVATE KEY-----"],
    "a signed token": [".".join(["ey" + "J" + 20 * "a", "ey" + "J" + 20 * "b", 20 * "c"])],
    "a token of Jupyter": ["http://localhost:8888/lab?tok" + "en=" + 48 * "0"],
    "a password in an address": ["http://someone:" + "secret" + "@localhost/data"],
    "an e-mail address": ["Someone <some.one" + "@" + "example.org>"],
}
HARMLESS = [
    "helpers/run.py, ../home/x, notebooks/root/y and https://example.org/home/page",
    "uses: actions/checkout@v6",
    "loss = (X @ w - y).square(); X@w.T; @pytest.mark.proof",
    "docs.pytorch.org/docs/stable/generated/torch.optim.SGD.html",
    "--IdentityProvider.token=… and token={token}",
    "http://127.0.0.1:9/ and f'http://{name}:{port}@x'",
    "data:image/png;base64," + 60 * "AKIA" + "IOSFODNN7EXAMPLE",
    "task-force, disk-usage, pypi-options and half_hearted",
]


@pytest.mark.parametrize(
    ("kind", "text"), [(kind, text) for kind, texts in PLANTED.items() for text in texts]
)
def test_what_is_planted_is_found(kind, text):
    found = traces(f"Before it, {text} and after it.")
    assert [line.split(", ")[0] for line in found] == [kind]
    assert text[-16:] not in found[0], "a secret in full would end in a log"


def test_every_kind_is_planted():
    assert PLANTED.keys() == TRACES.keys()


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_it_is_let_pass(text):
    assert traces(text) == []


def test_no_committed_file_gives_anything_away():
    texts = {file.name: file.read_bytes().decode("utf-8", "replace") for file in tracked_files()}
    assert "README.md" in texts
    assert {name: found for name, text in texts.items() if (found := traces(text))} == {}


def test_nothing_is_committed_that_git_is_told_to_ignore():
    assert tracked_files("--cached", "--ignored", "--exclude-standard") == []
