{{- define "countersign.labels" -}}
app.kubernetes.io/name: countersign
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "countersign.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- define "countersign.cluster" -}}
{{ required "cluster: say under which name the server follows this cluster" .Values.cluster }}
{{- end }}

{{- define "countersign.serverUrl" -}}
{{- if .Values.agent.serverUrl -}}
{{ .Values.agent.serverUrl }}
{{- else if and .Values.server.enabled (not .Values.server.tlsSecret) -}}
{{ fail "server.tlsSecret: agents need https; name a secret with the server's certificate, or give agent.serverUrl" }}
{{- else if .Values.server.enabled -}}
https://{{ .Release.Name }}-server.{{ .Release.Namespace }}.svc:{{ .Values.server.port }}
{{- else -}}
{{ fail "agent.serverUrl: say where the server is, or set server.enabled" }}
{{- end -}}
{{- end }}
