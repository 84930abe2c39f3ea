"""Part 8: CPU per saga by process, of the run with single orders."""

import part_single
from rig import FEW_USERS, say


def run(bench):
    single = bench.results.get("single")
    if single is None or "few" not in single:
        figures = part_single.one(bench, FEW_USERS, bench.seconds(20))
    else:
        say("  from part 2's run")
        figures = single["few"]
    sagas = figures["completed"]
    return {"per_saga_us": {name: [1e6 * seconds / sagas for seconds in times]
                            for name, times in figures["cpu"].items()},
            "sagas": sagas, "elapsed_s": figures["elapsed_s"]}
