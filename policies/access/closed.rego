package access

# METADATA
# title: Admitted to a closed release
# description: >
#   A closed release admits only whom an audience names beyond doubt, and is hidden from everybody
#   else, listed or not, whatever opens later.
caller_is_admitted if {
	input.stage.access == "closed"
	some_audience_answers_yes
}
