{{/* Mistakes that no single value shows; each says what to do. */}}
{{- define "gateway.checked" -}}
{{- if include "gateway.isPostgreSQL" . }}
{{- with .Values.database.postgresql }}
{{- if not .host }}{{ fail "database.postgresql.host names no server" }}{{ end }}
{{- end }}
{{- if not .Values.secrets.csi.secretProviderClass }}
{{- range $name := list "databasePassword" "peppers" "signingKey" "tokenKeys" }}
{{- if not (get $.Values.secrets $name).name }}
{{- fail (printf "secrets.%s.name names no Secret: replicas share it, so it is made before them (docs/operating.md), or give secrets.csi.secretProviderClass" $name) }}
{{- end }}
{{- end }}
{{- end }}
{{- if not .Values.settings.public_url }}
{{- fail "settings.public_url names no address: every token is issued under that name, and each pod would have another (https://…, as clients have it)" }}
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
{{- with .Values.settings.host }}
{{- if not (has . (list "0.0.0.0" "::")) }}
{{- fail (printf "settings.host %s is one address of the pod: no probe and no caller would reach it; leave it out, or say 0.0.0.0 or ::" .) }}
{{- end }}
{{- end }}
{{- range $name := list "public_url" "traces_endpoint" "access_request_url" }}
{{- if regexMatch "^[a-zA-Z]+://[^/?#]*@" (get $.Values.settings $name | default "") }}
{{- fail (printf "settings.%s has a user or a password in it: values and the environment are no place for a secret" $name) }}
{{- end }}
{{- end }}
{{- range $name := list "identityProviders" "issuers" }}
{{- $named := get $.Values.secrets $name }}
{{- if and $named.beside (not $named.name) }}
{{- fail (printf "secrets.%s.beside names keys of no Secret: give secrets.%s.name" $name $name) }}
{{- end }}
{{- range $named.beside }}
{{- if or (has . (list "database-password" "peppers" "signing.key" "token.keys" "identity-providers.yaml" "issuers.yaml")) (hasPrefix "upstream-" .) }}
{{- fail (printf "secrets.%s.beside: %s is the name of another file there" $name .) }}
{{- end }}
{{- end }}
{{- if and $named.name $.Values.networkPolicy.enabled (not $.Values.networkPolicy.identityProviders) }}
{{- fail (printf "networkPolicy.identityProviders names no peer: the network policy would keep the gateway from those that secrets.%s declares" $name) }}
{{- end }}
{{- end }}
{{- if .Values.secrets.identityProviders.name }}
{{- if not (regexMatch "^https://" (.Values.settings.public_url | default "")) }}
{{- fail "settings.public_url does not begin with https://: people come back to it after they have signed in, over TLS alone" }}
{{- end }}
{{- end }}
{{- range .Values.secrets.identityProviders.beside }}
{{- if has . $.Values.secrets.issuers.beside }}
{{- fail (printf "secrets.issuers.beside: %s is beside the identity providers already" .) }}
{{- end }}
{{- end }}
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
