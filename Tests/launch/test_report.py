"""The page of `espalier report` in a real browser: nothing from a network, no overflow on a telephone, two colour schemes."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ESPALIER = ROOT / ".build/release/espalier"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NARROW = 390
# Reports of a frame of the width of a telephone what a reader would have to scroll sideways to.
MEASURE = """
<iframe id="frame" style="border: 0; width: %dpx; height: 900px" srcdoc="%s"></iframe><pre id="result"></pre>
<script>
document.getElementById("frame").onload = event => {
  const page = event.target.contentDocument, root = page.documentElement;
  for (const details of page.querySelectorAll("details")) details.open = true;
  const beyond = [...page.querySelectorAll("body *")].filter(e => !e.closest(".wide") && !e.closest("svg"))
    .filter(e => e.getBoundingClientRect().right > root.clientWidth + 1).map(e => e.tagName + "." + e.className);
  const texts = [...page.querySelectorAll("svg text")].map(e => e.getBoundingClientRect());
  document.getElementById("result").textContent = JSON.stringify({
    width: root.clientWidth, scroll: root.scrollWidth, beyond, texts: texts.length,
    outside: texts.filter(box => box.left < -1 || box.right > root.clientWidth + 1).length,
  });
};
</script>
"""


def line(step: int) -> dict:
    """The metrics of a step."""
    return {
        "step": step, "epoch": step / 40, "loss": 0.7 - step / 200, "grad_norm": 5 + step % 7, "learning_rate": 1e-6 * step,
        "rewards/chosen": step / 100, "rewards/rejected": -step / 90, "rewards/accuracies": 0.5 + step / 90,
        "rewards/margins": step / 50, "logps/chosen": -180.5, "logps/rejected": -190.25, "entropy": 2 - step / 100,
        "mean_token_accuracy": 0.55, "pairs_per_second": 7.25, "tokens_computed": 2600, "tokens_unshared": 5000, "mfu": 0.4,
        "step_seconds": 2.2, "forward_seconds": 0.7, "backward_seconds": 1.2, "imbalance": 1.01, "measured_imbalance": 1.03,
    }  # fmt: skip


@pytest.fixture(scope="module")
def pages(tmp_path_factory) -> list[Path]:
    """The pages of one run, and of two with long names."""
    if not ESPALIER.exists():
        pytest.skip("espalier has not been built for release")
    place = tmp_path_factory.mktemp("report")
    runs = [place / "one", place / ("a-run-with-a-very-long-name-" * 3)]
    for run in runs:
        run.mkdir()
        evaluation = {"step": 40, "eval_loss": 0.6, "eval_loss_ci": [0.5, 0.7]}
        lines = [line(step) for step in range(1, 41)] + [evaluation]
        (run / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
        (run / "espalier.yaml").write_text(f"model: /models/{'directory/' * 20}\nbeta: {len(run.name)}\n")
    pages = [place / "one.html", place / "two.html"]
    for page, some in zip(pages, [runs[:1], runs], strict=True):
        subprocess.run([ESPALIER, "report", *some, "--output", page], check=True)
    return pages


@pytest.fixture
def browser(tmp_path):
    """A headless browser without a network, called with its options."""
    if not CHROMIUM:
        pytest.skip("Chromium is not installed")

    def run(*words: str) -> str:
        options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=3000"]
        profile = [f"--user-data-dir={tmp_path / 'profile'}", "--host-resolver-rules=MAP * ~NOTFOUND"]
        done = subprocess.run([CHROMIUM, *options, *profile, *words], capture_output=True, text=True, timeout=120, check=True)
        return done.stdout

    return run


def test_a_page_names_no_resource_and_has_no_script(pages):
    for page in pages:
        text = page.read_text()
        assert not re.search(r"<(script|link|img|iframe|object|embed|image|use)\b|\b(src|href)=|url\(|@import|\bon\w+=", text)


def test_a_telephone_scrolls_no_page_sideways(pages, browser, tmp_path):
    for page in pages:
        harness = tmp_path / "harness.html"
        harness.write_text(MEASURE % (NARROW, page.read_text().replace("&", "&amp;").replace('"', "&quot;")))
        result = re.search(r'<pre id="result">(.*?)</pre>', browser("--dump-dom", harness.as_uri()), re.DOTALL)
        found = json.loads(result[1].replace("&quot;", '"'))
        assert found["width"] == NARROW and found["scroll"] == NARROW and not found["beyond"], found
        assert found["texts"] > 100 and found["outside"] == 0, found


def test_a_dark_screen_shows_another_page_than_a_light_one(pages, browser, tmp_path):
    def picture(scheme: int) -> bytes:
        file = tmp_path / f"{scheme}.png"
        browser(
            f"--blink-settings=preferredColorScheme={scheme}", "--window-size=1000,1200", f"--screenshot={file}", pages[0].as_uri()
        )
        return file.read_bytes()

    dark, light = picture(0), picture(1)
    assert dark != light and min(len(dark), len(light)) > 20_000
