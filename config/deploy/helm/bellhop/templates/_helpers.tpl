{{- define "bellhop.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "bellhop.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "bellhop.labels" -}}
{{ include "bellhop.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{- define "bellhop.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "bellhop.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "bellhop.fullname" .) -}}
{{- end -}}

{{/* What is said elsewhere in the values, because ports, volumes and the grace period follow from it; or is a secret. */}}
{{- define "bellhop.refuse" -}}
{{- $elsewhere := dict "data_dir" "persistence" "master_key" "masterKey.secret" -}}
{{- range $key, $instead := $elsewhere -}}
{{- if hasKey $.Values.config $key }}{{ fail (printf "config.%s: say it by %s" $key $instead) }}{{ end -}}
{{- end -}}
{{- $elsewhere = dict "proxy" "service.port" "admin" "adminService.port" "workers" "workers" "providers" "providers" -}}
{{- range $key, $instead := $elsewhere -}}
{{- if hasKey ($.Values.config.listen | default dict) $key }}{{ fail (printf "config.listen.%s: say it by %s" $key $instead) }}{{ end -}}
{{- end -}}
{{- range $key := list "delay" "deadline" -}}
{{- if hasKey ($.Values.config.drain | default dict) $key }}{{ fail (printf "config.drain.%s: say it by drain.%s" $key $key) }}{{ end -}}
{{- end -}}
{{- if hasKey (.Values.config.store | default dict) "url" -}}
{{- fail "config.store.url would stand in a ConfigMap for everybody to read: put it into a secret, and name that in store.secret" -}}
{{- end -}}
{{- end -}}

{{/* bellhop.yaml: what the chart says, and what the values say besides. */}}
{{- define "bellhop.config" -}}
{{- include "bellhop.refuse" . -}}
{{- $providers := dict -}}
{{- range $id, $port := .Values.providers -}}
{{- $_ := set $providers $id (printf "0.0.0.0:%d" (int $port)) -}}
{{- end -}}
{{- $listen := dict "proxy" "0.0.0.0:8080" "admin" "0.0.0.0:8081" "workers" (int .Values.workers) "providers" $providers -}}
{{- $drain := dict "delay" (printf "%ds" (int .Values.drain.delay)) "deadline" (printf "%ds" (int .Values.drain.deadline)) -}}
{{- $ours := dict "listen" $listen "data_dir" "/var/lib/bellhop" "drain" $drain "log" (dict "format" "json") -}}
{{- mustMergeOverwrite $ours (deepCopy .Values.config) | toYaml -}}
{{- end -}}

{{/* With a certificate of its own, the admin listener speaks TLS, also to whoever probes it. */}}
{{- define "bellhop.adminScheme" -}}
{{- if .Values.config.admin_tls }}HTTPS{{ else }}HTTP{{ end -}}
{{- end -}}
