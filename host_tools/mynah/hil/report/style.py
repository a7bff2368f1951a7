"""The page's looks, and what it does when somebody types or clicks."""

STYLE = """
:root { --bg: #fff; --fg: #1c2024; --dim: #6b7280; --line: #e3e6ea; --soft: #f6f7f9;
  --good: #1a7f4b; --bad: #c62f2f; --skip: #8a6d1a; --wave: #2b6cb0; }
@media (prefers-color-scheme: dark) { :root { --bg: #15181c; --fg: #e6e8ea; --dim: #98a1ab;
  --line: #2c3138; --soft: #1d2126; --good: #4cc38a; --bad: #ff7b7b; --skip: #d9b44a;
  --wave: #76a9ea; } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1060px; padding: 1.5rem; background: var(--bg);
  color: var(--fg); font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 1.4rem; margin: 0 } header p { margin: .2rem 0 1rem; color: var(--dim) }
table { border-collapse: collapse; margin: 0 0 1rem; font-size: .9rem }
th, td { text-align: left; padding: .2rem 1.2rem .2rem 0; font-weight: 400; vertical-align: top }
.boards th { color: var(--dim) } .figures th { color: var(--dim) }
.figures td { font-variant-numeric: tabular-nums }
.bar { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; padding: .6rem 0;
  position: sticky; top: 0; background: var(--bg); z-index: 1 }
.chip { border: 1px solid currentColor; border-radius: 1rem; padding: .1rem .7rem;
  cursor: pointer; user-select: none } .chip:has(input:not(:checked)) { opacity: .45 }
.chip input { position: absolute; opacity: 0 }
input[type=search] { flex: 1; min-width: 12rem }
input[type=search], button { font: inherit; padding: .25rem .6rem; border-radius: .4rem;
  border: 1px solid var(--line); background: var(--soft); color: var(--fg) }
.passed, .xfailed { color: var(--good) } .failed, .error { color: var(--bad) }
.skipped { color: var(--skip) }
.test { border-top: 1px solid var(--line) }
summary { display: flex; flex-wrap: wrap; gap: 0 .8rem; padding: .35rem 0; cursor: pointer;
  align-items: baseline }
summary b { width: 4.2rem; font-weight: 600; font-size: .85rem }
.short { flex-basis: 100%; padding-left: 5rem; font-size: .9rem; overflow-wrap: anywhere }
.passed .short { display: none }
.name { flex: 1; color: var(--fg); overflow-wrap: anywhere }
.time, .board { color: var(--dim); font-variant-numeric: tabular-nums; white-space: nowrap }
.dim { color: var(--dim); font-weight: 400 }
.body { color: var(--fg); padding: .2rem 0 1rem 1rem }
pre { background: var(--soft); padding: .7rem; border-radius: .4rem; margin: 0 0 .8rem;
  overflow: auto; font: 12.5px/1.45 ui-monospace, monospace; max-height: 28rem }
pre.why { border-left: 3px solid var(--bad) } pre.why, pre.skip { white-space: pre-wrap }
pre .E { color: var(--bad) } pre .W { color: var(--skip) } pre .D, pre i { color: var(--dim) }
figure { margin: 0 0 1rem } figcaption { font-size: .9rem; margin-bottom: .3rem }
img { max-width: 100%; border-radius: .4rem; background: #fff } audio { width: 100%; height: 2rem }
.wave { width: 100%; height: 90px; display: block; background: var(--soft);
  border-radius: .4rem .4rem 0 0 }
.wave polygon { fill: var(--wave); stroke: var(--wave); stroke-width: .6 }
.wave line { stroke: var(--line) }
.spectrum { width: 100%; height: 96px; display: block; border-radius: 0 0 .4rem .4rem;
  margin-bottom: .3rem; image-rendering: auto }
"""

SCRIPT = """
const tests = [...document.querySelectorAll('.test')];
const search = document.querySelector('input[type=search]');
const boxes = [...document.querySelectorAll('.chip input')];
function show() {
  const wanted = new Set(boxes.filter(b => b.checked).map(b => b.value));
  const text = search.value.toLowerCase();
  for (const t of tests) t.hidden = !wanted.has(t.classList[1]) ||
    (text !== '' && !t.textContent.toLowerCase().includes(text));
}
search.addEventListener('input', show);
boxes.forEach(b => b.addEventListener('change', show));
const atEnd = t => t.querySelectorAll('.log').forEach(l => { l.scrollTop = l.scrollHeight; });
tests.filter(t => t.open).forEach(atEnd);
tests.forEach(t => t.addEventListener('toggle', () => atEnd(t), {once: true}));
const all = document.getElementById('open');
all.addEventListener('click', () => {
  const open = all.textContent.startsWith('open');
  tests.forEach(t => { t.open = open; });
  all.textContent = open ? 'close all' : 'open all';
});
"""
