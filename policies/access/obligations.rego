package access

# METADATA
# title: Obligations of an allowed use
# description: >
#   What an allowed use must still keep: the conditions of the open stage and of each stage that the
#   use was narrowed to, the strictest of each, but for the terms, which are accepted by then. A
#   limit that is not set is null. A condition that these rules do not know leaves no obligations,
#   and so no allow: it must not be dropped in silence.
obligations := {
	"components": components_offered,
	"log": _log,
	"max_output_tokens": _least("max_output_tokens"),
	"requests_per_minute": _least("requests_per_minute"),
	"retain_days": _most("retain_days"),
	"tokens_per_day": _least("tokens_per_day"),
} if {
	every conditions in _conditions {
		object.remove(conditions, _known_conditions) == {}
	}
}

_conditions := {input.stage.conditions} | narrowed_conditions

_said(name) := {value |
	some conditions in _conditions
	value := object.get(conditions, name, null)
	value != null
}

_least(name) := min(_said(name))

_least(name) := null if count(_said(name)) == 0

_most(name) := max(_said(name))

_most(name) := null if count(_said(name)) == 0

_modes contains mode if {
	some conditions in _conditions
	mode := object.get(conditions, "log", "metadata")
}

default _log := ""

_log := "metadata" if _modes == {"metadata"}

_log := "metadata+hash" if {
	"metadata+hash" in _modes
	count(_modes - {"metadata", "metadata+hash"}) == 0
}

_known_conditions := [
	"concurrence",
	"log",
	"max_output_tokens",
	"requests_per_minute",
	"retain_days",
	"terms",
	"tokens_per_day",
]
