"""Key files and public keys."""

import os
import pickle

import pytest

from kronkers_batch.config.secret import Secret
from kronkers_batch.errors import IdentityError, IntegrityError
from kronkers_batch.vault import keyfile, pin
from kronkers_batch.vault.identity import Identity, PublicKeys
from kronkers_batch.vault.verified import Verified, named

PASS = Secret("correct horse")
VECTOR = Identity("0" * 26, "ann", bytes(range(64)), bytes(range(32)), bytes(range(32, 64)))


def test_the_key_file_is_pinned():
    text = (
        '{"format":"kronkers-batch key 1","key":{"id":"00000000000000000000000000","name":"ann",'
        '"mlkem768_seed":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g'
        'ISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==",'
        '"x25519":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",'
        '"ed25519_seed":"ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=",'
        '"checksum":"710ea9c6208c2c709febfc22adb023879242d2cf794ae7433f489d8fe105e052"}}'
    )
    assert keyfile.to_text(VECTOR) == text
    assert keyfile.from_text(text, "f").public.id == VECTOR.public.id == "c4b9cc716006ff01b7f9895b521fcc44"


def test_another_spelling_of_the_key_file_is_refused():
    import json

    text = keyfile.to_text(VECTOR)
    for other in (json.dumps(json.loads(text)), text.replace("ann", "\\u0061nn"), text + "x", text + text):
        with pytest.raises(IdentityError):
            keyfile.from_text(other, "f")


def test_a_key_sealed_to_this_format_opens_for_ever():
    sealed = bytes.fromhex(
        "eabd72763de45fbc7e64b20280f85a92b4d7cf7866d697a5b3ae438b6ecbe01efe7bd2c8d26026b1c901cc5e193fa256"
        "e3d692ec11c7064489c7584cd70641d6848a41c5a0e9c377af2acf623ace7fd7a78c35e3909db568c0814d6a78939747"
        "cf706d31038d88f2b0e6f7551b937991d397b0c984284951b83b552c83bfaab7da31f61bd828926153973f932584f36f"
        "0212b04c12be92a4df7b0f0676059c291e63d6531422524bcecd58c20d0ef23b8b20babed9e643929f4ff3213d893cee"
        "99a39b767a39374db44e8d681bfa724bbb54b6cd5f31038319f730b71b421677c7d83bd34ec51b358a681b7f9157107f"
        "ee178594c424dfc1cd65e79a729d34bee1eb47d1f61ae6ded31a8cc9a6355b3dc4455c07565e180a70bd596c71feb4e5"
        "30c0712fe3cbd59f6251156c43897ebf0704ef10b7bc1c06ab7604d5ed4c1a975cc4a265035e50ab7f5eebb03f30e75f"
        "d435a8e92b36e2108a72adc7a85e4f8e6a078592eb01e1fb4c6cfdfcc99992e89e1c9526977f46ff5f987c30fd9086cd"
        "aac08597e6ac525c7a7242f930ef2fa0fec3a52f69f4f341109f811bf06ff0b390fe09a3a82de659ac96e1298f319148"
        "c71fd591355eb0cd9448b4d2c9695e13961864c2c199348472423d3eae4b70cfe6d48c43107fa756de99debb67f7ea12"
        "b676e595e30772eb8411b7377292df04479ca6f816c8c79951804986efca6d75d591a636c7bbb0e5be61740a8e4d3b9a"
        "14ea5d18b51f5be3fabaabfb947bf600e7b4c14d33d4fd28b5bdf86f5fd155392cf685df2100988edd703470ab8f9485"
        "d501cdb1bd1b78290893f8ce074f12dc8ff9d0f536eb7241c571a2859a842e22078a89c6a77a045308153fe3d9c753a8"
        "1080e126bcc990ce3b6b0d1ec2e7720459fe9b68346567301ef6c157cb44132d6a2d41c87d5ba111682acea88d11d0a2"
        "a28b68eb19f58441302b23ff5408e2dbf03f8e8c960df059a80899c6d058291708fccfb972521a05d490c7057628201c"
        "90a72179ab179c418c72e53217a429086ff82f38910c6ce4407f88c6cd4d707e2d1b8160c8d3927bdb007237f0f6be5d"
        "4ad7f0d5d638e2ad5abb6594b8e9dc24602f0b2d2334f87da001a50ef99bbea58f6d1c8fcf9063db3a0f61f66f799069"
        "6dfc7f0edac0be2a31f2cd884718647d5df813586205dc567492d1d73e45d4d24529aa83d4322c7fb7ef6f18b6df0bb8"
        "62a357204c594794beac3781bf29ae1351d16c705c20809b0c5dd0c97798b14851da2756a9ff3e88e18faa929c20c00d"
        "a7b6917b7d445ba1a779c527b5b5b9cf0866e284b47d04707dcaa78bb9c45c9c1539cc9482042b6d8f1377b6d01dd8b9"
        "1cc92075cfd20918892839cf27a05006d27c07ea1461d02d054d566fb7a408ace54d2b59790ec54d89e624b49daa8f5a"
        "68b9b1291c7563e69592f0473c3a41f24be644b399d011d453bb0f5e6ae670bc5f27e1b5ae9a675f8bd40c4f4854423e"
        "f5cc19444d9ac4c63088be32bb2d25b5493a85c4d7176289b3e8d89affe2f57d0eb8fa590230c75c3dfefb6e8e471411"
        "90f73a5367e7eb73f4b8ff838c5e0a40c6ce7d52a9d1be73125afc6efc77caa5763a14a71a64"
    )
    assert VECTOR.unseal(sealed, b"info", "x") == b"secret"


def test_sealing_to_a_principal_and_signing():
    ann, bob = Identity.generate("ann"), Identity.generate("bob")
    sealed = ann.public.seal(b"k" * 32, b"info")
    assert ann.unseal(sealed, b"info", "x") == b"k" * 32
    for who, info in ((bob, b"info"), (ann, b"other")):
        with pytest.raises(IntegrityError):
            who.unseal(sealed, info, "x")
    assert ann.public.verifies(b"m", ann.sign(b"m"))
    assert not ann.public.verifies(b"n", ann.sign(b"m"))
    assert not bob.public.verifies(b"m", ann.sign(b"m"))
    for _ in range(2):  # what was found bad once is not remembered as good
        assert not ann.public.verifies(b"m", b"")


def test_good_signatures_are_remembered_up_to_a_number():
    known = Verified(most=2)
    for name in (b"1", b"2"):
        known.add(name)
    assert b"1" in known  # used: the other one is forgotten first
    known.add(b"3")
    assert [name in known for name in (b"1", b"2", b"3")] == [True, False, True]
    parts = [(b"k", b"ms", b""), (b"k", b"m", b"s"), (b"", b"ms", b"k"), (b"km", b"", b"s")]
    assert len({named(*three) for three in parts}) == len(parts)


def test_an_identity_does_not_show_or_travel():
    shown = repr(VECTOR)
    assert all(s.hex() not in shown and repr(s) not in shown for s in VECTOR.secrets)
    with pytest.raises(TypeError):
        pickle.dumps(VECTOR)


def test_a_key_file_is_made_once_and_private(tmp_path):
    path = tmp_path / "new" / "ann.key"
    old = os.umask(0)
    try:
        keyfile.create(path, VECTOR)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert keyfile.load(path, environ={}).secrets == VECTOR.secrets
    before = path.read_bytes()
    with pytest.raises(IdentityError, match="never overwrites one"):
        keyfile.create(path, Identity.generate("bob"))
    assert path.read_bytes() == before


def test_from_the_environment(tmp_path):
    environ = {"KRONKERS_KEY": keyfile.to_text(VECTOR) + "\n"}
    assert keyfile.load(tmp_path / "none", environ=environ).name == "ann"
    with pytest.raises(IdentityError) as caught:
        keyfile.load(tmp_path / "none", environ={"KRONKERS_KEY": "secret-ish"})
    assert "secret-ish" not in str(caught.value)
    assert "KRONKERS_KEY" in str(caught.value)


def test_under_a_passphrase(tmp_path):
    path = tmp_path / "ann.key"
    keyfile.create(path, VECTOR, PASS)
    text = path.read_text()
    assert "seed" not in text
    assert "ann" not in text
    assert '"memory_kib":65536,"passes":3,"lanes":4' in text
    assert keyfile.load(path, environ={}, passphrase=PASS).secrets == VECTOR.secrets
    with pytest.raises(IdentityError, match="passphrase is wrong"):
        keyfile.load(path, environ={}, passphrase=Secret("wrong"))
    with pytest.raises(IdentityError, match="needs its passphrase"):
        keyfile.load(path, environ={})


@pytest.mark.parametrize("cost", ['"memory_kib":4194304', '"memory_kib":0', '"memory_kib":"x"', '"more":1'])
def test_a_key_file_cannot_ask_for_all_memory(cost):
    text = keyfile.to_text(VECTOR, PASS).replace('"memory_kib":65536', cost)
    with pytest.raises(IdentityError, match="damaged"):
        keyfile.from_text(text, "f", PASS)


def test_public_keys_travel_as_a_line():
    line = pin.to_text("ann", VECTOR.id, VECTOR.public)
    assert "\n" not in line
    name, principal, keys = pin.from_text(f" {line}\n")
    assert (name, principal, keys) == ("ann", VECTOR.id, VECTOR.public)
    for wrong in ("", line[:-8], line.replace("public 1", "public 2"), line + " x"):
        with pytest.raises(IdentityError):
            pin.from_text(wrong)


def test_public_keys_have_their_lengths():
    with pytest.raises(ValueError, match="length"):
        PublicKeys(b"", b"")
