"""The looks of the scorecard's page and of the comparison's."""

STYLE = """
:root { --bg: #f4f5f7; --card: #fff; --fg: #1c2024; --dim: #667080; --line: #e3e6ea;
  --good: #1a7f4b; --weak: #a56a00; --bad: #c62f2f; --none: #8a93a0; --curve: #2b6cb0;
  --other: #d9731a; --soft-good: #e5f4ec; --soft-weak: #fbf0da; --soft-bad: #fbe6e6 }
@media (prefers-color-scheme: dark) { :root { --bg: #121519; --card: #1b1f24; --fg: #e6e8ea;
  --dim: #98a1ab; --line: #2c3138; --good: #4cc38a; --weak: #e0b04a; --bad: #ff7b7b;
  --none: #7b8591; --curve: #76a9ea; --other: #f0a35e; --soft-good: #17301f;
  --soft-weak: #33290f; --soft-bad: #3a1a1a } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1120px; padding: 1.5rem; background: var(--bg);
  color: var(--fg); font: 15px/1.45 system-ui, sans-serif }
header { display: flex; flex-wrap: wrap; gap: .3rem 1.5rem; align-items: flex-start }
header > div { flex: 1 1 24rem } h1 { font-size: 1.5rem; margin: 0 }
h2 { font-size: 1.05rem; margin: 0 0 .5rem; display: flex; gap: .6rem; align-items: center }
p { margin: .2rem 0 .8rem } .dim, header p { color: var(--dim) }
.virtual { background: #b02a2a; color: #fff; font-weight: 800; font-size: 1.7rem; line-height: 1.2;
  text-align: center; padding: .7rem 1rem; border-radius: .6rem; margin: 0 0 1.2rem;
  text-transform: uppercase; letter-spacing: .03em }
.verdict { font-size: 1.3rem; font-weight: 700; padding: .5rem 1.3rem; border-radius: .6rem }
.good { color: var(--good) } .weak { color: var(--weak) } .bad, .failed { color: var(--bad) }
.passed { color: var(--good) } .skipped, .none, .told { color: var(--none) }
.verdict.good { background: var(--soft-good) } .verdict.weak { background: var(--soft-weak) }
.verdict.bad { background: var(--soft-bad) }
.facts { display: flex; flex-wrap: wrap; gap: .1rem 1.6rem; margin: .6rem 0 1.2rem; padding: 0;
  list-style: none; font-size: .92rem } .facts b { color: var(--dim); font-weight: 400 }
.grid { columns: 2 30rem; column-gap: 1rem }
section { background: var(--card); border: 1px solid var(--line); border-radius: .7rem;
  padding: .9rem 1.1rem; margin: 0 0 1rem; break-inside: avoid }
table { border-collapse: collapse; width: 100%; font-size: .92rem }
th, td { text-align: left; font-weight: 400; padding: .28rem .5rem .28rem 0; vertical-align: top }
tr + tr.measure > * { border-top: 1px solid var(--line) }
td.note { display: table-cell; padding-top: 0 } tr:has(+ tr > td.note) > td { padding-bottom: 0 }
thead th { color: var(--dim); font-size: .85rem }
td.value { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums;
  font-weight: 600 } td.value.open { color: var(--none); font-weight: 400 }
.note { display: block; color: var(--dim); font-size: .82rem; line-height: 1.3 }
td.limit { color: var(--dim); font-size: .8rem; line-height: 1.35; text-align: right;
  padding-right: 0; white-space: nowrap; width: 1% }
.mark { width: 1.4rem; font-weight: 700 }
ul.functions { list-style: none; margin: .5rem 0 0; padding: .5rem 0 0; font-size: .92rem;
  border-top: 1px solid var(--line) } ul.functions li { padding: .1rem 0 .1rem 1.4rem;
  text-indent: -1.4rem } ul.functions li > b { display: inline-block; width: 1.4rem;
  text-indent: 0 } li .note { text-indent: 0 }
.chart { width: 100%; display: block } .chart .grid { stroke: var(--line); columns: auto }
.chart .tick { fill: var(--dim); font-size: 11px } .chart .curve { fill: none; stroke-width: 2 }
.chart polyline.c0 { stroke: var(--curve) } .chart polyline.c1 { stroke: var(--other) }
.chart text.c0 { fill: var(--curve) } .chart text.c1 { fill: var(--other) }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); gap: 1rem }
figure { margin: 0 } figcaption { font-size: .9rem; color: var(--dim); margin-bottom: .2rem }
.look { background: var(--soft-bad); border-color: var(--bad) } .look li { margin: .15rem 0 }
tr.better td.change { color: var(--good) } tr.worse td.change { color: var(--bad) }
tr.worse { background: var(--soft-bad) } tr.better { background: var(--soft-good) }
tr.changed { background: var(--soft-weak) }
table.compare { table-layout: fixed } table.compare th + th { text-align: right }
table.compare th:first-child { width: 45% } table.compare th:last-child { width: 24% }
td.change { text-align: right; padding-right: .5rem }
tr.same td.change, tr.one td.change { color: var(--none); font-weight: 400 }
table.compare td:first-child { padding-left: .4rem } section p:last-child { margin-bottom: 0 }
footer { color: var(--dim); font-size: .85rem }
@media print { body { background: #fff; padding: 0; font-size: 11px } }
"""
