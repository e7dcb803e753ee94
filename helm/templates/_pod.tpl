{{/* What every pod here is made of: security, settings, mounted secrets. */}}

{{- define "gateway.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "gateway.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Settings as the environment has them: no secret is among them, only the files that secrets are mounted as. */}}
{{- define "gateway.environment" -}}
{{- /* Behind an ingress all callers come from its address: bounded by source, one who guesses would keep all others out. */}}
{{- $settings := dict "host" "0.0.0.0" "log_format" "json" "token_requests_per_source" 0 "sign_in_requests_per_source" 0 }}
{{- range $name, $value := .Values.settings }}
{{- $_ := set $settings $name $value }}
{{- end }}
{{- $_ := set $settings "data" "/data" }}
{{- $_ := set $settings "port" 8080 }}
{{- $_ := set $settings "judge" .Values.judge }}
{{- $_ := set $settings "upstreams" "/etc/release-gateway/upstreams.yaml" }}
{{- if eq .Values.judge "opa" }}
{{- $_ := set $settings "opa_url" "http://127.0.0.1:8181" }}
{{- end }}
{{- if .Values.policies.volume }}
{{- $_ := set $settings "policies" "/policies" }}
{{- end }}
{{- if .Values.weights.existingClaim }}
{{- $_ := set $settings "weights" "/weights" }}
{{- end }}
{{- $mounted := .Values.secrets.csi.secretProviderClass }}
{{- if or $mounted .Values.secrets.peppers.name }}
{{- $_ := set $settings "key_pepper_file" "/run/secrets/release-gateway/peppers" }}
{{- end }}
{{- if or $mounted .Values.secrets.signingKey.name }}
{{- $_ := set $settings "signing_key_file" "/run/secrets/release-gateway/signing.key" }}
{{- end }}
{{- if include "gateway.isPostgreSQL" . }}
{{- with .Values.database.postgresql }}
{{- $_ := set $settings "database_url" (printf "postgresql://%s@%s:%d/%s?ssl=%s" .user .host (int .port) .name .tls) }}
{{- end }}
{{- if or $mounted .Values.secrets.databasePassword.name }}
{{- $_ := set $settings "database_password_file" "/run/secrets/release-gateway/database-password" }}
{{- end }}
{{- end }}
{{- range $name := keys $settings | sortAlpha }}
{{- $value := get $settings $name }}
- name: GATEWAY_{{ upper $name }}
  value: {{ (kindIs "float64" $value | ternary ($value | toJson) $value) | quote }}
{{- end }}
{{- if and (include "gateway.isPostgreSQL" .) .Values.database.postgresql.ca.name }}
- name: PGSSLROOTCERT
  value: /etc/release-gateway-database/ca.crt
{{- end }}
{{- end }}

{{/* Where mounted secrets are found; by CSI they are copied first, for its files may be open to others. */}}
{{- define "gateway.secretMounts" -}}
- {name: secrets, mountPath: /run/secrets/release-gateway, readOnly: true}
{{- if and (include "gateway.isPostgreSQL" .) .Values.database.postgresql.ca.name }}
- {name: database-ca, mountPath: /etc/release-gateway-database, readOnly: true}
{{- end }}
{{- end }}

{{- define "gateway.secretVolumes" -}}
{{- if .Values.secrets.csi.secretProviderClass }}
- name: secrets
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
- name: secrets-csi
  csi:
    driver: secrets-store.csi.k8s.io
    readOnly: true
    volumeAttributes: {secretProviderClass: {{ .Values.secrets.csi.secretProviderClass | quote }}}
{{- else }}
- name: secrets
  projected:
    # Read by the group of this pod and nobody else (fsGroup).
    defaultMode: 0440
    sources:
      {{- $listed := list (dict "of" .Values.secrets.databasePassword "path" "database-password") }}
      {{- $listed = append $listed (dict "of" .Values.secrets.peppers "path" "peppers") }}
      {{- $listed = append $listed (dict "of" .Values.secrets.signingKey "path" "signing.key") }}
      {{- range $name, $upstream := .Values.upstreams }}
      {{- with $upstream.credential }}
      {{- $listed = append $listed (dict "of" . "path" (printf "upstream-%s" $name)) }}
      {{- end }}
      {{- end }}
      {{- range $listed }}
      {{- if .of.name }}
      - secret:
          name: {{ .of.name | quote }}
          items: [{key: {{ .of.key | quote }}, path: {{ .path | quote }}}]
      {{- end }}
      {{- end }}
{{- end }}
{{- if and (include "gateway.isPostgreSQL" .) .Values.database.postgresql.ca.name }}
- name: database-ca
  configMap:
    name: {{ .Values.database.postgresql.ca.name | quote }}
    items: [{key: {{ .Values.database.postgresql.ca.key | quote }}, path: ca.crt}]
{{- end }}
{{- end }}

{{- define "gateway.secretsCopied" -}}
{{- if .Values.secrets.csi.secretProviderClass }}
- name: secrets
  image: {{ include "gateway.ownImage" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  command: [/bin/sh, -c, "cp -L /csi/* /run/secrets/release-gateway/ && chmod 0400 /run/secrets/release-gateway/*"]
  securityContext: {{- include "gateway.containerSecurity" . | nindent 4 }}
  resources: {requests: {cpu: 10m, memory: 16Mi}, limits: {memory: 64Mi}}
  volumeMounts:
    - {name: secrets-csi, mountPath: /csi, readOnly: true}
    - {name: secrets, mountPath: /run/secrets/release-gateway}
{{- end }}
{{- end }}
