"""Names of principals: the rule of models' names, and none looks like another; foreign lines are refused."""

import sqlite3

import pytest

from kronkers_batch.errors import IdentityError
from kronkers_batch.store.ids import is_id, new_id
from kronkers_batch.vault import keyfile, names, pin
from kronkers_batch.vault.identity import Identity
from tests.faults.test_control_characters import is_clean

BAD = (
    "\x1b[31mevil\x1b[0m", "аdmin", "ad\u200bmin", "\u202enimda", "a b", "a.b", "1a", "", "x" * 65,
    "../../x", "a/b", "a\nb", "admin\n", "a\x00b", "%41", "-x", "ａnn", "a\ud800", "x" * 5000,
)  # fmt: skip
LOOKS_LIKE = {
    "admin": ["Admin", "ADMIN", "adm1n", "admln", "ad-min", "ad_min", "adrnin", "a-dmin_", "ad_r_nin"],
    "nightly": ["Nightly", "n1ghtly", "nlghtIy", "night-ly"],
    "bob": ["Bob", "b0b", "bOb"],
    "vic": ["Vic", "vlc", "v1c", "v-i-c"],
    "recovery": ["Recovery", "rec0very"],
}
OTHERS = ("anna", "bobby", "victor", "admins", "night", "administrator", "wim", "carl", "the-admin")


def line(name: str, principal: str | None = None, identity: Identity | None = None) -> str:
    identity = identity or Identity.generate("x")
    return pin.to_text(name, principal or identity.id, identity.public)


# ---------------------------------------------------------------- the rule


@pytest.mark.parametrize("taken", LOOKS_LIKE)
def test_which_names_look_alike(taken):
    for name in (taken, *LOOKS_LIKE[taken]):
        assert names.look_alike(name, ["somebody", taken]) == taken
    for name in OTHERS:
        assert names.look_alike(name, [taken]) == ""


def test_the_form_of_a_name_and_of_an_id():
    for name in BAD:
        assert not names.fits(name), name
    for name in (*OTHERS, *LOOKS_LIKE, "x" * 64):
        assert names.fits(name), name
    for number in (new_id(), "0" * 26, "7" + "z" * 25):
        assert is_id(number)
    for number in (
        "",
        "0" * 25,
        "0" * 27,
        "8" + "0" * 25,
        "I" + "0" * 25,
        "../../x",
        "0" * 25 + "\n",
        "٠" * 26,
    ):
        assert not is_id(number)


def test_a_broken_name_is_shown_filtered_with_its_id():
    number = new_id()
    assert names.shown("ann", number) == "ann"
    shown = names.shown("\x1b[31mann\u202e" + "x" * 5000, number)
    assert is_clean(shown)
    assert number in shown
    assert len(shown) < 120
    assert "breaks the rule" in names.shown("\x1b[31m", "../x")


# ---------------------------------------------------------------- making one


def test_a_name_that_breaks_the_rule_is_not_made(company):
    eve = company.by("eve")
    eve.home.mkdir()
    for name in BAD:
        if not name:
            continue
        done = eve.run("access", "whoami", "--new", f"--name={name}", code=2)
        assert "is not a valid name for a principal" in done.stderr
        assert name not in done.stderr
        assert is_clean(done.stderr)
        assert not eve.key_file.exists()
    eve.run("access", "whoami", "--new", "--name", "eve-2_b")


def test_the_first_run_takes_no_key_with_such_a_name(tmp_path):
    from kronkers_batch.access.setup import initialise, is_new
    from kronkers_batch.config.secret import Secret
    from kronkers_batch.store.engine import Database

    for number, name in enumerate(("\x1b[31madmin", "a b", "Rec0very")):
        db = Database(Secret(f"sqlite:///{tmp_path}/{number}/w/x.db"))
        db.migrate()
        key = tmp_path / str(number) / "k" / "identity.key"
        keyfile.create(key, Identity.generate(name))
        with pytest.raises(IdentityError, match="not allowed for an administrator"):
            initialise(db, key, ["sales"])
        assert is_new(db)
        assert not key.with_name("trust.json").exists()


# ---------------------------------------------------------------- letting one in


def test_a_foreign_line_is_refused_without_being_repeated(company):
    admin = company.by("admin")
    good = line("eve").split()
    with sqlite3.connect(company.database) as database:
        ((bobs,),) = database.execute("select id from principals where name = 'bob'").fetchall()
    lines = [line(name) for name in BAD if name.strip() == name != ""]
    lines += [line("eve", number) for number in ("../../x", "0" * 25, "\x1b[31m" + "0" * 21, "x" * 5000)]
    lines += [" ".join([*good[:5], "x" * 5000]), " ".join([*good[:5], "!!"]), " ".join(good[:5]), "x" * 5000]
    lines += [
        " ".join(["kronkers-batch", "public", "2", *good[3:]]),
        "\x1b[31m",
        f"{company.folder}/nothing-here",
    ]
    for text in lines:
        done = admin.run("access", "add", text, code=None)
        assert done.returncode in (2, 3), text[:80]
        assert (
            "not a principal's public line" in done.stderr
            or "neither a public line nor a file" in done.stderr
        )
        assert len(done.stderr) < 400
        assert not [
            word for word in text.split() if len(word) > 9 and word in done.stderr.replace(good[0], "")
        ]
        assert is_clean(done.stderr)
    for text in (line("eve", bobs), line("bob"), line("admin"), line("recovery")):
        done = admin.run("access", "add", text, code=2)
        assert "already in use" in done.stderr
    assert len({row["principal"] for row in admin.json("access", "list")}) == 6
    refused = [entry["subject"] for entry in admin.json("ledger", "show") if entry["action"] == "refuse"]
    assert refused
    assert max(map(len, refused)) < 200  # nor does the ledger repeat it
    assert not [subject for subject in refused if not is_clean(subject)]


def test_a_name_that_looks_like_another_is_refused(company):
    admin = company.by("admin")
    for taken, alike in LOOKS_LIKE.items():
        for name in alike[:3]:
            done = admin.run("access", "add", line(name), code=2)
            assert f"the name {name} looks like {taken}, which is in use" in done.stderr
    admin.run("access", "add", line("anna"))
    admin.run("access", "add", line("bobby"))


def test_a_key_is_let_in_once(company):
    admin, identity = company.by("admin"), Identity.generate("eve")
    admin.run("access", "add", line("eve", identity=identity))
    for text in (line("zoe", new_id(), identity), line("eve", new_id()), line("zoe", identity.id)):
        assert "already in use" in admin.run("access", "add", text, code=2).stderr
    admin.run("access", "revoke", "eve")
    assert "perhaps by a revoked principal" in admin.run("access", "add", line("eve"), code=2).stderr


def test_a_line_from_a_file_is_read_as_far_as_a_line_goes(company):
    admin = company.by("admin")
    path = company.folder / "eve.txt"
    path.write_text(line("eve") + "\n" + "x" * 100_000)
    assert "not a principal's public line" in admin.run("access", "add", str(path), code=3).stderr
    path.write_bytes(b"\xff\xfe")
    admin.run("access", "add", str(path), code=2)
    path.write_text(line("eve") + "\n")
    admin.run("access", "add", str(path))


# ---------------------------------------------------------------- those who are there already


def test_principals_of_before_are_shown_filtered_and_can_be_revoked_by_id(company):
    """A name from before the rule, as an administrator certified it then."""
    from tests.e2e.test_python import opened

    old, admin = Identity.generate("\x1b[31mold\u202e"), company.by("admin")
    with opened(admin) as system:
        services = system._services
        with services.db.write() as connection:
            vault = services.vault
            vault.trust.add_principal(connection, vault.identity, old.id, old.name, old.public)
    admin.run("access", "grant", old.id, "reader", "sales")
    shown = rf"\x1b[31mold\u202e (id {old.id})"
    assert shown in admin.run("access", "list").stdout
    assert shown in {row["principal"] for row in admin.json("access", "list")}
    ledger = admin.run("ledger", "show")
    unknown = admin.run("access", "grant", "nobody", "reader", "sales", code=2)
    assert shown in unknown.stderr
    for text in (ledger.stdout, unknown.stderr):
        assert is_clean(text)
    admin.run("access", "revoke", old.id)
    assert shown not in admin.run("access", "list").stdout
