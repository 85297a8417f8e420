"""What robustness costs beside the pass: processor time of both, one after the other in one process.

    python tests/benchmarks/bench_robustness.py                       # the demo
    python tests/benchmarks/bench_robustness.py --folder DATA         # a folder that `reportgen build` would take

The budget is a third of the pass.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

from reportgen.analysis import read_predictions, read_records, rows_with_maps
from reportgen.commands.experiments import Experiments
from reportgen.commands.settle import read_inputs, settle
from reportgen.config import Config, ModelConfig
from reportgen.demo import demo_files
from reportgen.evidence.examples.sampling import draw_sample
from reportgen.explain.analyse import analyse
from reportgen.explain.experiments.forward import load_forwards
from reportgen.inputs.discover import discover
from reportgen.progress import SilentProgress

BUDGET = 1 / 3


def measure(config: Config, workers: int) -> tuple[float, float, int, int]:
    """Processor seconds of pass and robustness; changed pictures, and images of the pass."""
    config, progress = config.model_copy(update={"workers": workers}), SilentProgress()
    found = discover(config)
    folder = config.output / "analysis"
    settled = settle(found, read_inputs(found, progress), folder, progress)
    start = time.process_time()
    analyse(settled.config, settled.test_set, folder, progress, found.missing, settled.recorded)
    middle = time.process_time()
    everything = read_predictions(folder)
    sample = draw_sample(everything.labels, settled.config.max_explained_images, 0, rows_with_maps(everything))
    analysis = read_records(everything, sample)
    experiments = Experiments(analysis, settled.test_set, settled.config, progress)
    # In a build other experiments have loaded the models before.
    load_forwards(settled.config, analysis, [model.slug for model in analysis.models], experiments.loaded)
    ready = time.process_time()
    findings = experiments.robustness(None)
    end = time.process_time()
    assert findings is not None
    return middle - start, end - ready, findings.pictures, len(analysis.labels)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, help="where the data are; the demo if not given")
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as output:
        if options.folder is None:
            demo = demo_files()
            models = {name: ModelConfig(checkpoint=path) for name, path in demo.models.items()}
            config = Config(data=demo.data, models=models, classes=demo.classes, output=Path(output))
        else:
            os.chdir(options.folder)
            config = Config(output=Path(output))
        whole, robust, pictures, images = measure(config, options.workers)
    print(f"pass: {whole:.1f} s of one core for {images} images")
    print(f"robustness: {robust:.1f} s for {pictures} pictures")
    met = "met" if robust <= BUDGET * whole else "MISSED"
    print(f"share of the pass: {robust / whole:.2f}, budget {BUDGET:.2f}: {met}")


if __name__ == "__main__":
    main()
