"""Dashboard of answer quality: confidence, out-of-distribution scores, handoffs, intents, feedback."""

from __future__ import annotations

from grafana_foundation_sdk.builders import dashboard

from tools.dashboards.panels import Panel, build

_REPLIES = "sum(rate(chatbot_predictions_total{{here}}[$__rate_interval]))"
_BY_VERSION = "* on (job, instance) group_left (version) chatbot_model_info{{here}}"


_HANDOFFS = "(sum(rate(chatbot_handoffs_total{{here}}[$__rate_interval])) or vector(0))"
_CLARIFIED = '(sum(rate(chatbot_predictions_total{source="clarify",{here}}[$__rate_interval])) or vector(0))'


ROWS = (
    (
        "Now",
        (
            Panel(
                "Answered by itself",
                "Share of messages that the bot answered without a person and without asking back.",
                "percentunit",
                # Rules hand over too: what is left after handoffs and clarifications was answered.
                [(f"({_REPLIES} - {_HANDOFFS} - {_CLARIFIED}) / {_REPLIES}", "")],
                "number",
                6,
                (),
                "no messages",
            ),
            Panel(
                "Handed to a person",
                "Share of replies that hand over. A jump means customers ask about topics missing from the corpus.",
                "percentunit",
                [(f"{_HANDOFFS} / {_REPLIES}", "")],
                "number",
                6,
                (),
                "no messages",
            ),
            Panel(
                "Asked back",
                "Share of replies that offer choices because two or three intents are about as likely.",
                "percentunit",
                [(f"{_CLARIFIED} / {_REPLIES}", "")],
                "number",
                6,
                (),
                "no messages",
            ),
            Panel(
                "Not helpful",
                "Share of feedback of the last day that says a reply did not help.",
                "percentunit",
                [
                    (
                        '(sum(increase(chatbot_feedback_total{helpful="no",{here}}[1d])) or vector(0)) '
                        "/ (sum(increase(chatbot_feedback_total{{here}}[1d])) > 0)",
                        "",
                    )
                ],
                "number",
                6,
                (0.3, 0.5),
                "no feedback",
            ),
        ),
    ),
    (
        "Who decides, and what about",
        (
            Panel(
                "Who decides",
                "Shares of replies by who decided: a keyword rule, the model, undecided (clarification), a person.",
                "percentunit",
                [
                    (
                        f"sum by (source) (rate(chatbot_predictions_total{{{{here}}}}[$__rate_interval])) "
                        f"/ on () group_left () {_REPLIES}",
                        "{{source}}",
                    )
                ],
                "stacked",
            ),
            Panel(
                "What customers want",
                "The ten most frequent intents, replies a second. A new product shows as a shift here.",
                "reqps",
                [
                    (
                        "topk(10, sum by (intent) (rate(chatbot_predictions_total{{here}}[$__rate_interval])))",
                        "{{intent}}",
                    )
                ],
                "stacked",
            ),
            Panel(
                "Handed to a person, by intent",
                "What the bot gives away most: candidates for a rule, a reply or more examples.",
                "reqps",
                [
                    (
                        'topk(10, sum by (intent) (rate(chatbot_predictions_total{source="human",{here}}'
                        "[$__rate_interval])))",
                        "{{intent}}",
                    )
                ],
                "stacked",
            ),
        ),
    ),
    (
        "How sure it is",
        (
            Panel(
                "Confidence",
                "How messages spread over the confidence of their likeliest intent; brighter is more of them. Healthy: "
                "most near 1.",
                "percentunit",
                [
                    (
                        "sum by (le) (increase(chatbot_confidence_bucket{{here}}[$__rate_interval]))",
                        "{{le}}",
                    )
                ],
                "heatmap",
            ),
            Panel(
                "Scope",
                "How messages spread over the scope score: the lower, the less similar to the training messages.",
                "short",
                [("sum by (le) (increase(chatbot_scope_bucket{{here}}[$__rate_interval]))", "{{le}}")],
                "heatmap",
            ),
            Panel(
                "Sure and unsure",
                "Shares of messages whose confidence is under 0.5 and under 0.9.",
                "percentunit",
                [
                    (
                        f'sum(rate(chatbot_confidence_bucket{{le="{bound}",{{here}}}}[$__rate_interval])) '
                        "/ sum(rate(chatbot_confidence_count{{here}}[$__rate_interval]))",
                        f"under {bound}",
                    )
                    for bound in ("0.5", "0.9")
                ],
            ),
        ),
    ),
    (
        "Version by version",
        (
            Panel(
                "Replies by version",
                "Which model version answers; two only while a new one is rolled out.",
                "reqps",
                [
                    (
                        "sum by (version) (sum by (job, instance) (rate(chatbot_predictions_total{{here}}"
                        f"[$__rate_interval])) {_BY_VERSION})",
                        "version {{version}}",
                    )
                ],
                "stacked",
            ),
            Panel(
                "Handed to a person, by version",
                "Whether a new version understands more than the one before it.",
                "percentunit",
                [
                    (
                        "sum by (version) (sum by (job, instance) (rate(chatbot_handoffs_total{{here}}"
                        f"[$__rate_interval])) {_BY_VERSION}) / sum by (version) (sum by (job, instance) "
                        f"(rate(chatbot_predictions_total{{{{here}}}}[$__rate_interval])) {_BY_VERSION})",
                        "version {{version}}",
                    )
                ],
            ),
            Panel(
                "Feedback by version",
                "Feedback of the last hour that says a reply did not help, by the version that took it.",
                "percentunit",
                [
                    (
                        'sum by (version) (sum by (job, instance) (increase(chatbot_feedback_total{helpful="no",'
                        f"{{here}}}}[1h])) {_BY_VERSION}) / sum by (version) (sum by (job, instance) "
                        f"(increase(chatbot_feedback_total{{{{here}}}}[1h])) {_BY_VERSION})",
                        "version {{version}}",
                    )
                ],
            ),
        ),
    ),
    (
        "Feedback",
        (
            Panel(
                "Feedback",
                "What people say of replies, a minute.",
                "short",
                [
                    (
                        "sum by (helpful) (rate(chatbot_feedback_total{{here}}[$__rate_interval])) * 60",
                        "helpful: {{helpful}}",
                    )
                ],
                "stacked",
                12,
            ),
            Panel(
                "Which model serves",
                "Each server with the version and the bundle it says it serves.",
                "short",
                [("sum by (version, bundle, corpus) (chatbot_model_info{{here}})", "")],
                "table",
                12,
            ),
        ),
    ),
)


def make() -> dashboard.Dashboard:
    """Build the dashboard."""
    return build(
        "support-chatbot-understanding",
        "Does the bot understand?",
        "What customers ask, how sure the bot is, and what they say of its answers.",
        ROWS,
    )
