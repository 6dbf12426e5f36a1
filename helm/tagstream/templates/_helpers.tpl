{{- define "tagstream.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{- define "tagstream.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "tagstream.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "tagstream.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "tagstream.selectorLabels" -}}
app.kubernetes.io/name: {{ include "tagstream.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "tagstream.labels" -}}
{{ include "tagstream.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "tagstream.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "tagstream.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- /* The agent's configuration file. Its web host is given: in a pod loopback is reachable from nowhere. */}}
{{- define "tagstream.config" -}}
{{- mergeOverwrite (deepCopy .Values.config) (dict "web" (dict "host" "0.0.0.0" "port" (include "tagstream.port" . | int))) | toYaml }}
{{- end }}

{{- define "tagstream.port" -}}
{{- dig "web" "port" 8080 .Values.config | int }}
{{- end }}

{{- /* Longer than the agent gives itself to drain, in whole seconds. */}}
{{- define "tagstream.terminationGracePeriodSeconds" -}}
{{- $milliseconds := dig "shutdown" "timeoutMs" 60000 .Values.config | int }}
{{- add (div (add $milliseconds 999) 1000) (.Values.terminationGraceSeconds | int) }}
{{- end }}
