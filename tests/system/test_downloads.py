import hashlib
import threading

import pytest

from mil_tutorial.datasets.wsi import example as wsi_example
from mil_tutorial.system import downloads
from mil_tutorial.system.downloads import PublishedFile, fetch

BODY = bytes(range(256)) * 1000
SUM = f"sha256:{hashlib.sha256(BODY).hexdigest()}"


def published(server, *paths):
    return PublishedFile("wsi/slide.svs", tuple(server.url + p for p in paths or ("a",)), SUM)


def nothing_but(folder, *names):
    return sorted(p.name for p in folder.rglob("*") if p.is_file()) == sorted(names)


def test_a_file_is_downloaded_once_and_stays(server, cache):
    server.behaviour["a"] = [BODY]
    path = fetch(published(server))
    assert path == cache / "wsi" / "slide.svs"
    assert path.read_bytes() == BODY
    assert fetch(published(server)) == path
    assert server.asked == ["a"]
    assert nothing_but(cache, "slide.svs")


def test_a_damaged_file_in_the_cache_is_downloaded_again(server, cache):
    server.behaviour["a"] = [BODY]
    fetch(published(server)).write_bytes(BODY[:-1])
    assert fetch(published(server)).read_bytes() == BODY
    assert len(server.asked) == 2


def test_the_users_own_folder_comes_first_and_is_checked(server, cache, tmp_path, monkeypatch):
    own = tmp_path / "own" / "wsi" / "slide.svs"
    own.parent.mkdir(parents=True)
    own.write_bytes(BODY)
    monkeypatch.setenv("MIL_TUTORIAL_DATA", str(tmp_path / "own"))
    assert fetch(published(server)) == own
    own.write_bytes(b"other")
    with pytest.raises(ValueError, match=r"own/wsi/slide\.svs is not the published file"):
        fetch(published(server))
    assert own.read_bytes() == b"other"
    assert server.asked == []


def test_two_failures_then_success(server, cache):
    server.behaviour["a"] = [503, (BODY, 1000), BODY]
    assert fetch(published(server)).read_bytes() == BODY
    assert server.asked == ["a"] * 3
    assert nothing_but(cache, "slide.svs")


@pytest.mark.parametrize(
    ("answer", "reason", "requests"),
    [
        ((BODY, 1000), "broke off", 3),
        (BODY[::-1], "sent other bytes than were published", 3),
        (BODY[:1000], "sent other bytes than were published", 3),  # and says that this is all
        (404, "answered 404", 3),
        (503, "answered 503", 3),
    ],
)
def test_a_failure_is_named_and_leaves_nothing(server, cache, answer, reason, requests):
    server.behaviour["a"] = [answer]
    with pytest.raises(FileNotFoundError) as error:
        fetch(published(server))
    text = str(error.value)
    assert f"wsi/slide.svs could not be downloaded ({server.url}a: {reason})" in text
    assert f"put it at {cache / 'wsi' / 'slide.svs'}" in text
    assert "MIL_TUTORIAL_DATA" in text
    assert "\n" not in text
    assert nothing_but(cache)
    assert len(server.asked) == requests


def test_a_silent_server_is_given_up(server, cache, monkeypatch):
    monkeypatch.setattr(downloads, "TIMEOUT", 0.1)
    silence = threading.Event()
    server.behaviour["a"] = [(BODY, 1000, silence)]
    with pytest.raises(FileNotFoundError, match=r"silent for 0\.1 s"):
        fetch(published(server))
    silence.set()
    assert nothing_but(cache)


def test_the_next_mirror_is_asked(server, cache):
    server.behaviour |= {"lies": [b"no"], "works": [BODY]}
    assert fetch(published(server, "gone", "lies", "works")).read_bytes() == BODY
    assert server.asked == ["gone"] * 3 + ["lies"] * 3 + ["works"]


def test_offline_says_what_to_do(server, cache):
    file = PublishedFile("x.bin", ("http://127.0.0.1:9/x.bin",), SUM)
    with pytest.raises(FileNotFoundError, match=r"offline\?\).*get http://127.0.0.1:9/x.bin"):
        fetch(file)


def test_the_example_slide_comes_from_the_users_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MIL_TUTORIAL_DATA", str(tmp_path))
    path = tmp_path / wsi_example.EXAMPLE_SLIDE.name
    path.parent.mkdir()
    path.write_bytes(b"another slide")
    with pytest.raises(ValueError, match=r"CMU-1-Small-Region\.svs is not the published file"):
        wsi_example.fetch_example_slide()


def test_the_real_example_slide():
    from mil_tutorial.system.paths import user_data_dir

    own = user_data_dir()
    if own is None or not (own / wsi_example.EXAMPLE_SLIDE.name).is_file():
        pytest.skip("MIL_TUTORIAL_DATA names no folder with wsi/CMU-1-Small-Region.svs")
    assert wsi_example.fetch_example_slide() == own / wsi_example.EXAMPLE_SLIDE.name
