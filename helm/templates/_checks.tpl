{{/* Mistakes that no single value shows; each says what to do. */}}
{{- define "gateway.checked" -}}
{{- if include "gateway.isPostgreSQL" . }}
{{- with .Values.database.postgresql }}
{{- if not .host }}{{ fail "database.postgresql.host names no server" }}{{ end }}
{{- end }}
{{- if not .Values.secrets.csi.secretProviderClass }}
{{- range $name := list "databasePassword" "peppers" "signingKey" }}
{{- if not (get $.Values.secrets $name).name }}
{{- fail (printf "secrets.%s.name names no Secret: replicas share it, so it is made before them (docs/operating.md), or give secrets.csi.secretProviderClass" $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- else }}
{{- if or (gt (int .Values.replicas) 1) .Values.autoscaling.enabled }}
{{- fail "SQLite serves one process: set database.kind to postgresql, or replicas to 1 without autoscaling" }}
{{- end }}
{{- end }}
{{- if and .Values.autoscaling.enabled (gt (int .Values.autoscaling.min) (int .Values.autoscaling.max)) }}
{{- fail "autoscaling.min is above autoscaling.max" }}
{{- end }}
{{- if and .Values.ingress.enabled .Values.route.enabled }}
{{- fail "ingress and route are two ways to the same doors: enable one" }}
{{- end }}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) }}{{ fail "ingress.host names no host" }}{{ end }}
{{- if and .Values.route.enabled (not .Values.route.parentRefs) }}{{ fail "route.parentRefs names no Gateway" }}{{ end }}
{{- if .Values.networkPolicy.enabled }}
{{- if and (include "gateway.isPostgreSQL" .) (not .Values.database.postgresql.to) }}
{{- fail "database.postgresql.to names no peer: the network policy would keep the gateway from its database" }}
{{- end }}
{{- range $name, $upstream := .Values.upstreams }}
{{- if not $upstream.to }}
{{- fail (printf "upstreams.%s.to names no peer: the network policy would keep the gateway from it" $name) }}
{{- end }}
{{- end }}
{{- if and .Values.serviceMonitor.enabled (not .Values.networkPolicy.scrape) }}
{{- fail "networkPolicy.scrape names no peer: the network policy would keep Prometheus from the metrics" }}
{{- end }}
{{- if and .Values.settings.traces_endpoint (not .Values.networkPolicy.collectors) }}
{{- fail "networkPolicy.collectors names no peer: the network policy would keep traces from settings.traces_endpoint" }}
{{- end }}
{{- end }}
{{- end }}
