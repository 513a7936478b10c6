"""Resilience: one folder per strategy, and the pipeline that joins them in one fixed order.

| where | what |
|---|---|
| `pipeline` | `PipelineOptions`, `build_pipeline`: the order of the strategies |
| `edge` | `Pipeline`: what a link calls, manual control, snapshots |
| `attempts`, `admission`, `streams` | the inner half: the straight way of a call, the long way, streams |
| `records`, `classify` | what is written down of an attempt; what an error says of its target |
| `registry`, `latency` | state per link and target that outlives a pipeline; counts of the last minute |
| `<strategy>/options` | its options, checked when built |
| `<strategy>/strategy`, `machine` … | what it does: pure where it decides, with time and chance by argument |
"""
