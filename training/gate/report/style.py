"""Style sheet of the gate's HTML report: light and dark, no external resources."""

CSS = """
:root { color-scheme: light dark; --ink: #1e293b; --soft: #64748b; --line: #e2e8f0; --back: #f8fafc; --card: #fff;
  --old: #94a3b8; --new: #2563eb; --good: #15803d; --bad: #b91c1c; --look: #a16207; --good-back: #dcfce7;
  --bad-back: #fee2e2; --look-back: #fef3c7; --none-back: #f1f5f9; }
@media (prefers-color-scheme: dark) { :root { --ink: #e2e8f0; --soft: #94a3b8; --line: #334155; --back: #0f172a;
  --card: #1e293b; --old: #64748b; --new: #60a5fa; --good: #86efac; --bad: #fca5a5; --look: #fde047;
  --good-back: #14532d; --bad-back: #7f1d1d; --look-back: #713f12; --none-back: #334155; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .4rem; }
h2 { font-size: 1.15rem; margin: 0; }
h3 { font-size: 1rem; margin: 1rem 0 .3rem; }
p { margin: .35rem 0; }
.soft { color: var(--soft); font-size: .9rem; }
.banner, .card { background: var(--card); border: 1px solid var(--line); border-radius: .75rem; padding: 1rem 1.25rem;
  margin: 0 0 1rem; }
.banner { border-left: .5rem solid var(--good); }
.banner.refused { border-left-color: var(--bad); }
.banner.warned { border-left-color: var(--look); }
.head { display: flex; gap: .75rem; align-items: center; flex-wrap: wrap; }
.badge { border-radius: 1rem; padding: .1rem .7rem; font-size: .85rem; font-weight: 600; white-space: nowrap;
  background: var(--none-back); color: var(--soft); }
.badge.passed { background: var(--good-back); color: var(--good); }
.badge.refused { background: var(--bad-back); color: var(--bad); }
.badge.warned { background: var(--look-back); color: var(--look); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; margin: .5rem 0; }
th, td { text-align: left; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.bad td:first-child { box-shadow: inset .25rem 0 var(--bad); padding-left: .6rem; }
.bars { min-width: 9rem; width: 30%; padding-top: .6rem; }
.bar { height: .45rem; border-radius: .25rem; margin-bottom: .2rem; min-width: 1px; }
.old { background: var(--old); } .new { background: var(--new); }
.key { display: inline-block; width: .8rem; height: .45rem; border-radius: .25rem; margin: 0 .3rem 0 .8rem; }
.interval { position: relative; height: 2.2rem; margin: .75rem 0 1.4rem; border-bottom: 1px solid var(--line); }
.interval > * { position: absolute; }
.interval .zero { top: 0; bottom: 0; width: 2px; background: var(--soft); }
.interval .span { top: .85rem; height: .5rem; border-radius: .25rem; background: var(--old); }
.interval .dot { top: .6rem; width: 1rem; height: 1rem; margin-left: -.5rem; border-radius: 50%;
  background: var(--new); }
.interval .at { top: 2.3rem; font-size: .8rem; color: var(--soft); transform: translateX(-50%); white-space: nowrap; }
summary { cursor: pointer; color: var(--new); margin-top: .5rem; }
q { quotes: none; font-style: italic; }
@media print { details > * { display: block; } .card { break-inside: avoid; } }
"""
