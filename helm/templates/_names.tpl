{{/* Names, labels and images. */}}

{{- define "gateway.name" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "gateway.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "gateway.labels" -}}
{{ include "gateway.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "gateway.image" -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag }}{{ end }}
{{- end }}

{{- define "gateway.ownImage" -}}
{{- include "gateway.image" (dict "repository" .Values.image.repository "digest" .Values.image.digest "tag" (.Values.image.tag | default .Chart.AppVersion)) }}
{{- end }}

{{- define "gateway.isPostgreSQL" -}}
{{- if eq .Values.database.kind "postgresql" }}yes{{ end }}
{{- end }}

{{/* The port of an upstream's URL. */}}
{{- define "gateway.portOf" -}}
{{- $authority := regexReplaceAll "^https?://([^/]*).*$" . "${1}" }}
{{- $port := regexFind ":[0-9]+$" $authority | trimPrefix ":" }}
{{- $port | default (ternary "443" "80" (hasPrefix "https://" .)) }}
{{- end }}
