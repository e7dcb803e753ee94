{{/*
OPA beside the gateway. The gateway's own image writes the bundle of exactly the policies that it will believe, OPA serves
it on loopback. As a sidecar it starts before the gateway and stops after it: streams under way are judged to the end.
*/}}
{{- define "gateway.opa" -}}
- name: policies
  image: {{ include "gateway.ownImage" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  args:
    - policy
    - build
    - --output=/bundle/bundle.tar.gz
    {{- if .Values.policies.volume }}
    - --policies=/policies
    {{- end }}
  securityContext: {{- include "gateway.containerSecurity" . | nindent 4 }}
  resources: {requests: {cpu: 50m, memory: 64Mi}, limits: {memory: 256Mi}}
  volumeMounts:
    - {name: bundle, mountPath: /bundle}
    {{- if .Values.policies.volume }}
    - {name: policies, mountPath: /policies, readOnly: true}
    {{- end }}
- name: opa
  image: {{ include "gateway.image" .Values.opa.image | quote }}
  imagePullPolicy: {{ .Values.opa.image.pullPolicy }}
  restartPolicy: Always
  args:
    - run
    - --server
    - --addr=127.0.0.1:8181
    - --diagnostic-addr=:8282
    - --skip-version-check
    - --log-level=error
    - --bundle
    - /bundle/bundle.tar.gz
  ports: [{name: opa-health, containerPort: 8282}]
  securityContext: {{- include "gateway.containerSecurity" . | nindent 4 }}
  resources: {{- toYaml .Values.opa.resources | nindent 4 }}
  startupProbe: {httpGet: {path: "/health?bundles", port: opa-health}, periodSeconds: 1, failureThreshold: 60}
  livenessProbe: {httpGet: {path: /health, port: opa-health}, periodSeconds: 10, timeoutSeconds: 5, failureThreshold: 6}
  volumeMounts:
    - {name: bundle, mountPath: /bundle, readOnly: true}
{{- end }}
