"""Imports run one way: what each room of the package may know. Sources are read, not imported; imports in functions count."""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "dqo_verl"

# A room is a folder or a file. It may import what stands behind it, and nothing else of the package.
# Every room knows only rooms above it, so that there is no circle.
WALLS = {
    "errors": "",
    "extras": "",
    "loading": "errors",
    "jsonl": "",
    "core": "loading errors",
    "lab": "core",
    "models": "core extras errors",
    "streaming": "models core",
    "rewards": "streaming models core extras errors",
    "integrations/wrapping": "",
    "integrations/package": "",
    "integrations/check_only": "",
    "integrations/target_file": "jsonl core",
    "integrations/cpu": "",
    "integrations/verl/cpu": "integrations/cpu errors",
    "integrations/verl": "integrations/verl/cpu integrations/target_file integrations/package integrations/wrapping "
    "integrations/check_only "
    "rewards streaming models core errors",
    "integrations/trl": "streaming models core errors",
    "trl": "integrations/trl",
    "integrations/openrlhf/cpu": "integrations/cpu integrations/wrapping errors",
    "integrations/openrlhf": "integrations/openrlhf/cpu integrations/target_file integrations/package integrations/wrapping "
    "integrations/check_only "
    "streaming models core extras errors",
    "openrlhf": "integrations/openrlhf errors",
    # `import dqo_verl`: the names for a notebook, and the version
    "__init__": "core errors",
    "provenance": "__init__",
    "results": "errors",
    "flags": "",
    "data": "rewards provenance flags errors",
    "evaluation/endpoint": "errors",
    "evaluation/bad_data": "errors",
    "evaluation/formats": "",
    "evaluation/files": "errors",
    "evaluation/rows": "evaluation/files evaluation/formats evaluation/bad_data errors",
    "evaluation/sample": "evaluation/rows evaluation/files evaluation/endpoint provenance results jsonl flags errors",
    "evaluation/metrics": "evaluation/rows evaluation/files evaluation/bad_data evaluation/endpoint models core "
    "provenance results jsonl flags loading errors",
    "evaluation/report": "evaluation/metrics evaluation/rows evaluation/files provenance errors",
    "evaluation/demo": "evaluation/report evaluation/metrics lab results",
    "evaluation/cli": "evaluation/demo evaluation/report evaluation/metrics evaluation/sample evaluation/files flags errors",
    "classifier": "evaluation/report evaluation/metrics evaluation/rows evaluation/bad_data evaluation/endpoint "
    "data models core provenance results jsonl flags errors",
    "doctor": "integrations/verl integrations/openrlhf models core provenance flags extras errors",
    "check": "",
    "cli": "check doctor classifier evaluation/cli data __init__ extras errors",
}
# library -> the only rooms that import it
ONLY_IN = {
    "verl": "integrations/verl",
    "openrlhf": "integrations/openrlhf",
    "vllm": "integrations/verl integrations/cpu evaluation/sample",
    "ray": "integrations/verl integrations/openrlhf streaming rewards",
    "trl": "integrations/trl",
    "accelerate": "integrations/trl classifier",
}
CORE_IMPORTS = {"torch", "pydantic"}
NOT_SHIPPED = {"experiments", "benchmarks", "recipes", "tests"}
# how a user of verl types a setting: only integrations/verl spells it
HYDRA = ("algorithm.", "actor_rollout_ref", "reward_model.diversity")
KNOWS_NO_HYDRA = ("core", "models", "streaming")


def room_of(place: str) -> str:
    """`core/measures/dpp` -> `core`. What is no file, as `__version__`, is a name of the package itself."""
    rooms = [room for room in WALLS if f"{place}/".startswith(f"{room}/")]
    return max(rooms, key=len, default="__init__")


def crossings(imports_of) -> list[tuple[str, str, str]]:
    """(file, its room, the room that it imports), where the two are different."""
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        place = file.relative_to(PACKAGE).with_suffix("").as_posix()
        for name in imports_of(file):
            assert name[0] != ".", f"{file}: imports are written in full"
            library, *inside = name.split(".")
            if library == "dqo_verl" and room_of("/".join(inside)) != room_of(place):
                found.append((place, room_of(place), room_of("/".join(inside))))
    return found


def libraries(imports_of) -> list[tuple[str, str]]:
    """(file, library that it imports), without the standard library."""
    ours = sys.stdlib_module_names | {"dqo_verl"}
    return [
        (file.relative_to(PACKAGE).as_posix(), library)
        for file in sorted(PACKAGE.rglob("*.py"))
        for name in imports_of(file)
        if (library := name.split(".")[0]) not in ours
    ]


def inside(place: str, rooms: str) -> bool:
    return any(place.startswith(f"{room}/") for room in rooms.split())


def test_every_file_with_code_is_in_a_room():
    places = [file.relative_to(PACKAGE).with_suffix("").as_posix() for file in PACKAGE.rglob("*.py")]
    assert {place for place in places if room_of(place) == "__init__"} == {
        "__init__",
        # nothing but a docstring
        "integrations/__init__",
        "evaluation/__init__",
    }


def test_every_room_knows_only_rooms_above_it():
    above = set()
    for room, known in WALLS.items():
        assert set(known.split()) <= above, room
        above.add(room)


def test_imports_stay_within_the_walls(imports_of):
    broken = [f"{place} -> {known}" for place, room, known in crossings(imports_of) if known not in WALLS[room].split()]
    assert not broken


def test_the_table_allows_nothing_that_no_file_needs(imports_of):
    needed = {(room, known) for _, room, known in crossings(imports_of)}
    assert {(room, known) for room in WALLS for known in WALLS[room].split()} - needed == set()


def test_the_package_imports_nothing_that_is_not_shipped(imports_of):
    assert not [found for found in libraries(imports_of) if found[1] in NOT_SHIPPED]


def test_verl_vllm_and_ray_are_imported_where_they_belong(imports_of):
    assert not [
        (place, library)
        for place, library in libraries(imports_of)
        if library in ONLY_IN and not inside(place, ONLY_IN[library])
    ]


def test_core_needs_torch_and_pydantic_only(imports_of):
    assert {library for place, library in libraries(imports_of) if inside(place, "core")} == CORE_IMPORTS


def test_method_models_and_streams_do_not_spell_a_trainers_settings():
    files = [file for room in KNOWS_NO_HYDRA for file in sorted((PACKAGE / room).rglob("*.py"))]
    assert not [(file.name, word) for file in files for word in HYDRA if word in file.read_text()]
