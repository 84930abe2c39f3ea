"""The pictures beside RESULTS.md, with matplotlib."""

import contextlib

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402 (the backend comes first)

import reach  # noqa: E402
import rig  # noqa: E402

# So that the same figures make the same file.
matplotlib.rcParams.update({
    "svg.hashsalt": "sagapipe", "svg.fonttype": "none", "font.size": 10,
    "axes.grid": True, "grid.alpha": 0.3, "axes.axisbelow": True})
POINTS = ("p10", "p25", "p50", "p75", "p90", "p95", "p99", "p99.5", "p99.9",
          "p99.99")


@contextlib.contextmanager
def picture(directory, name, columns=1, size=(8, 4.2)):
    figure, axes = plt.subplots(1, columns, figsize=size)
    yield axes
    figure.tight_layout()
    path = directory / f"{name}.svg"
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
    # matplotlib ends the lines of a path with blanks.
    path.write_text("\n".join(
        line.rstrip() for line in path.read_text("utf-8").splitlines()) + "\n",
                    encoding="utf-8")


def throughput(directory, results):
    single = results["single"]
    bars = [("bare echo", reach.echo_rate(results), "requests"),
            ("answered\n1,000 users", single["few"]["rate"], "requests"),
            ("completed\n1,000 users", single["few"]["sagas_rate"], "sagas"),
            (f"completed\n{single['many']['users']:,} users",
             single["many"]["sagas_rate"], "sagas")]
    many, slow = results.get("many", {}), results.get("slow", {})
    if "many" in many:
        bars.append(("completed\nndjson", many["many"]["sagas_rate"], "sagas"))
    if "slow" in slow:
        bars.append(("completed\n2 ms fdatasync",
                     slow["slow"][rig.CONNECTIONS]["sagas_rate"], "sagas"))
    with picture(directory, "throughput") as axes:
        shown = axes.bar([name for name, _, _ in bars],
                         [value for _, value, _ in bars],
                         color=["#2a6f97" if kind == "sagas" else "#a9bcc9"
                                for _, _, kind in bars])
        axes.bar_label(shown, fmt="%d")
        axes.set_ylabel("per second")
        axes.set_title("Throughput: requests (grey) and completed sagas")
        axes.grid(axis="x", visible=False)


def curve(axes, figures, label, **style):
    """Latency over percentiles, the far end stretched."""
    shares = [float(point[1:]) / 100 for point in POINTS]
    axes.plot([1 / (1 - share) for share in shares],
              [figures[point + "_us"] / 1000 for point in POINTS],
              label=label, **style)


def latency(directory, results):
    with picture(directory, "latency", 2, (11, 4.6)) as (answered, ended):
        for run in results["open"]["runs"]:
            label = f"{run['rate']:,}/s"
            curve(answered, run["answered"], label)
            curve(ended, run["ended"], label)
        curve(answered, results["open"]["echo"]["answered"],
              "bare echo, 5,000/s", linestyle=":", color="grey")
        if "few" in results.get("single", {}):
            curve(answered, results["single"]["few"], "closed loop, 64",
                  linestyle="--", color="grey")
        for axes, title in ((answered, "To 201"), (ended, "To terminal")):
            axes.set(xscale="log", yscale="log", ylabel="ms",
                     title=f"{title}, from the intended send time",
                     xlabel="percentile")
            axes.set_xticks([2, 10, 100, 1000, 10000],
                            ["50", "90", "99", "99.9", "99.99"])
            axes.minorticks_off()
            axes.legend()


def brokers(directory, results):
    runs = results["brokers"]["runs"]
    labels = list(dict.fromkeys(run["label"] for run in runs))
    with picture(directory, "brokers", 2, (11, 4.6)) as both:
        for axes, figure in zip(both, ("produced", "fetched")):
            for label in labels:
                mine = [run for run in runs if run["label"] == label]
                axes.plot([run["batch"] for run in mine],
                          [run[figure + "_rate"] for run in mine], marker="o",
                          label=label,
                          linestyle=":" if "packed" in label else "-")
            axes.set(xscale="log", yscale="log", ylabel="events/s",
                     xlabel="events per request", title=figure)
            axes.set_xticks([1, 100, 1000], ["1", "100", "1,000"])
            axes.minorticks_off()
        both[0].legend()


def growth(directory, results):
    runs = results["growth"]["runs"]
    sizes = [f"{run['size']:,}" for run in runs]
    with picture(directory, "growth", 3, (11, 4)) as (rate, tail, memory):
        rate.plot(sizes, [run["sagas_rate"] for run in runs], marker="o")
        rate.set(title="completed sagas/s", xlabel="orders before")
        rate.set_ylim(bottom=0)
        for point in ("p50", "p99", "p99.9"):
            tail.plot(sizes, [run[point + "_us"] / 1000 for run in runs],
                      marker="o", label=point)
        tail.set(title="latency of the POST, ms", xlabel="orders before",
                 yscale="log")
        tail.legend()
        below = [0] * len(runs)
        for name in rig.START_ORDER:
            mine = [run["memory"][name]["resident"] / 2**20 for run in runs]
            memory.bar(sizes, mine, bottom=below, label=name)
            below = [a + b for a, b in zip(below, mine)]
        memory.set(title="resident memory, MiB", xlabel="orders before")
        memory.set_ylim(top=1.5 * max(below))
        memory.legend(loc="upper left", ncol=2)


def draw(directory, results):
    """The names of the pictures that could be drawn."""
    drawn = set()
    for part, paint in (("single", throughput), ("open", latency),
                        ("brokers", brokers), ("growth", growth)):
        if part in results and "error" not in results[part]:
            paint(directory, results)
            drawn.add(paint.__name__)
    return drawn
