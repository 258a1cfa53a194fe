"""Dashboard of service health for on-call: traffic, errors, latency, saturation."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from tools.dashboards.panels import Panel, build

_CHAT = 'route="/chat",{here}'
_FAILED = 'route="/chat",status=~"5..",{here}'

ROWS = (
    (
        "Now",
        (
            Panel(
                "Bots that answer",
                "Servers that say which model they serve. None: customers get no answer (runbook: bot down).",
                "short",
                [("count(chatbot_model_info{{here}})", "")],
                "number",
                4,
            ),
            Panel(
                "Messages a second",
                "Messages to the bot, over the last minutes.",
                "reqps",
                [(f"sum(rate(chatbot_requests_total{{{_CHAT}}}[$__rate_interval]))", "")],
                "number",
                4,
            ),
            Panel(
                "Failed messages",
                "Share of messages answered with an error of ours (5xx). The budget is 1 in 1,000 over 30 days.",
                "percentunit",
                [
                    (
                        f"(sum(rate(chatbot_requests_total{{{_FAILED}}}[$__rate_interval])) or vector(0)) "
                        f"/ sum(rate(chatbot_requests_total{{{_CHAT}}}[$__rate_interval]))",
                        "",
                    )
                ],
                "number",
                4,
                (0.001, 0.01),
                "no messages",
            ),
            Panel(
                "Time to answer, 99 of 100",
                "99 of 100 messages are answered within this.",
                "s",
                [
                    (
                        "histogram_quantile(0.99, sum by (le) (rate(chatbot_request_duration_seconds_bucket"
                        f"{{{_CHAT}}}[$__rate_interval])))",
                        "",
                    )
                ],
                "number",
                4,
                (0.5, 2),
                "no messages",
            ),
            Panel(
                "Turned away",
                "Share of messages answered 429: the bot had more to do than it takes at once.",
                "percentunit",
                [
                    (
                        '(sum(rate(chatbot_requests_total{route="/chat",status="429",{here}}[$__rate_interval])) '
                        f"or vector(0)) / sum(rate(chatbot_requests_total{{{_CHAT}}}[$__rate_interval]))",
                        "",
                    )
                ],
                "number",
                4,
                (0.001, 0.05),
                "no messages",
            ),
            Panel(
                "Versions that serve",
                "More than one only while a new version is rolled out.",
                "short",
                [("count(count by (version) (chatbot_model_info{{here}}))", "")],
                "number",
                4,
                (2,),
            ),
        ),
    ),
    (
        "Traffic and errors",
        (
            Panel(
                "Requests by answer",
                "Requests a second by HTTP status: 2xx answered, 4xx refused for what they were, 429 turned away, "
                "499 the client left, 5xx our fault.",
                "reqps",
                [("sum by (status) (rate(chatbot_requests_total{{here}}[$__rate_interval]))", "{{status}}")],
                "stacked",
            ),
            Panel(
                "Requests by route",
                "Requests a second by route: what the API is used for. Probes and scrapes are a few a minute.",
                "reqps",
                [("sum by (route) (rate(chatbot_requests_total{{here}}[$__rate_interval]))", "{{route}}")],
                "stacked",
            ),
            Panel(
                "Failed calls of the model",
                "Calls from the HTTP workers to the model that failed; each fails up to a batch of messages.",
                "cps",
                [("sum(rate(chatbot_runner_errors_total{{here}}[$__rate_interval])) or vector(0)", "failed")],
            ),
        ),
    ),
    (
        "Time",
        (
            Panel(
                "Time to answer",
                "Half, 95 and 99 of 100 messages are answered within this.",
                "s",
                [
                    (
                        f"histogram_quantile({share}, sum by (le) (rate(chatbot_request_duration_seconds_bucket"
                        f"{{{_CHAT}}}[$__rate_interval])))",
                        name,
                    )
                    for share, name in ((0.5, "half"), (0.95, "95 of 100"), (0.99, "99 of 100"))
                ],
            ),
            Panel(
                "Waiting for the model",
                "How long messages wait until a call to the model takes them. It grows when the processors are full.",
                "s",
                [
                    (
                        f"histogram_quantile({share}, sum by (le) (rate(chatbot_queue_wait_seconds_bucket"
                        "{{here}}[$__rate_interval])))",
                        name,
                    )
                    for share, name in ((0.5, "half"), (0.99, "99 of 100"))
                ],
            ),
            Panel(
                "One run of the model",
                "How long the model takes, whatever its batch; with the call there and back.",
                "s",
                [
                    (
                        f"histogram_quantile(0.95, sum by (le) (rate({metric}_bucket{{{{here}}}}[$__rate_interval])))",
                        name,
                    )
                    for metric, name in (
                        ("chatbot_model_duration_seconds", "model, 95 of 100"),
                        ("chatbot_runner_duration_seconds", "call, 95 of 100"),
                    )
                ],
            ),
        ),
    ),
    (
        "Saturation",
        (
            Panel(
                "Places taken",
                "Messages and feedback that are worked on just now, of all that the servers take at once. At 100 % the "
                "next is turned away.",
                "percentunit",
                [
                    ("sum(chatbot_in_flight{{here}}) / sum(chatbot_max_in_flight{{here}})", "all"),
                    ("max(chatbot_in_flight{{here}} / chatbot_max_in_flight{{here}})", "busiest server"),
                ],
            ),
            Panel(
                "Messages in one run",
                "How many messages the model takes at once: it grows with the load, and so does what a processor does.",
                "short",
                [
                    (
                        "sum(rate(chatbot_batch_size_sum{{here}}[$__rate_interval])) / "
                        "sum(rate(chatbot_batch_size_count{{here}}[$__rate_interval]))",
                        "on average",
                    ),
                    (
                        "histogram_quantile(0.95, sum by (le) (rate(chatbot_batch_size_bucket{{here}}"
                        "[$__rate_interval])))",
                        "95 of 100",
                    ),
                ],
            ),
            Panel(
                "Processes that died",
                "Workers that died inside servers that live on, and were started again, since those servers began.",
                "short",
                [
                    (
                        "sum by (role) (chatbot_process_starts_total{{here}} - chatbot_processes{{here}})",
                        "{{role}}",
                    )
                ],
            ),
            Panel(
                "Messages by server",
                "Messages a second that each server answers: whether the load is spread evenly over them.",
                "reqps",
                [
                    (
                        f"sum by (instance) (rate(chatbot_requests_total{{{_CHAT}}}[$__rate_interval]))",
                        "{{instance}}",
                    )
                ],
            ),
        ),
    ),
)


def make() -> dashboard.Dashboard:
    """Build the dashboard."""
    return build(
        "support-chatbot-bot",
        "Is the bot well?",
        "Whether customers get answers, how fast, and how much more it could take.",
        ROWS,
    )
