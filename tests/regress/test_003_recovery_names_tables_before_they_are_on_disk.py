"""003: a store could not be opened again after two losses of power.

The first came while the names of new tables were not on disk.  Recovery then
made the tables again and gave them their names, but synced nothing; the second
left names of empty files, and no recovery went through: exit 120.  What is
renamed is now synced first (store_rename.c).
"""

import random
import signal

from pipeline import STOP_LIMIT_S
from powercut_rig import PowercutPipeline

LOSES_ALL, LOSES_DATA_KEEPS_NAMES = "0", "4"


def test_003_store_with_names_of_new_tables_opens():
    pipeline = PowercutPipeline(random.Random(1))
    try:
        for plan in LOSES_ALL, LOSES_DATA_KEEPS_NAMES:
            pipeline.variables["POWERCUT_PLAN"] = plan
            child = pipeline.start_process("ledger")
            child.send_signal(signal.SIGUSR2)
            child.wait(STOP_LIMIT_S)
        pipeline.start_process("ledger")
    finally:
        pipeline.close()
