{{/* Names: one template for every name, so that no two places disagree. */}}

{{/* The name that all others begin with. At most 40 characters: Jobs put more behind it. */}}
{{- define "chart.fullname" -}}
{{- .Values.fullnameOverride | default .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{/* (list . "jobs") -> the name of a cluster-scoped object. The hash keeps release `c` in namespace `a-b` apart from `b-c` in `a`. */}}
{{- define "chart.clusterName" -}}
{{- $release := printf "%s/%s" (index . 0).Release.Namespace (include "chart.fullname" (index . 0)) -}}
{{- printf "%s-%s-%s" (replace "/" "-" $release) (index . 1) (sha256sum $release | trunc 8) -}}
{{- end }}

{{/* (list . "api") -> the name of that component and of what belongs to it. */}}
{{- define "chart.name" -}}
{{- printf "%s-%s" (include "chart.fullname" (index . 0)) (index . 1) -}}
{{- end }}

{{/* (list . "api") -> the labels of that component's objects. */}}
{{- define "chart.labels" -}}
{{- $root := index . 0 -}}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: support-chatbot
{{ include "chart.selector" . }}
{{- end }}

{{/* (list . "api") -> the labels that select that component's pods; they never change. */}}
{{- define "chart.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: support-chatbot
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* (list . .Values.api.image) -> the image by digest, else by tag, under global.image.registry where that is set. */}}
{{- define "chart.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- $name := $image.repository -}}
{{- with $root.Values.global.image.registry -}}
{{- $name = printf "%s/%s" (trimSuffix "/" .) (regexReplaceAll "^[^/]*[.:][^/]*/" $name "") -}}
{{- end -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $name $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name ($image.tag | default $root.Chart.AppVersion) -}}
{{- end -}}
{{- end }}

{{/* Where things answer. */}}
{{- define "chart.apiUrl" -}}
{{- if .Values.api.enabled -}}
http://{{ include "chart.name" (list . "api") }}:{{ .Values.api.service.port }}
{{- else -}}
{{ .Values.api.url }}
{{- end -}}
{{- end }}

{{- define "chart.mlflowUrl" -}}
{{- if .Values.mlflow.enabled -}}
http://{{ include "chart.name" (list . "mlflow") }}:{{ .Values.mlflow.port }}
{{- else -}}
{{ .Values.mlflow.url }}
{{- end -}}
{{- end }}

{{- define "chart.pushgatewayUrl" -}}
{{- if .Values.pushgateway.enabled -}}
http://{{ include "chart.name" (list . "pushgateway") }}:9091
{{- else -}}
{{ .Values.pushgateway.url }}
{{- end -}}
{{- end }}

{{- define "chart.storeEndpoint" -}}
{{- if .Values.minio.enabled -}}
http://{{ include "chart.name" (list . "minio") }}:9000
{{- else -}}
{{ .Values.store.endpoint }}
{{- end -}}
{{- end }}

{{/* (list . "api") -> the Secret with that client's key of the store; empty: none, the pod's identity opens it. */}}
{{- define "chart.storeSecret" -}}
{{- $root := index . 0 -}}
{{- $client := index . 1 -}}
{{- $own := index $root.Values.store.existingSecrets $client | default $root.Values.store.existingSecret -}}
{{- if $own -}}
{{ $own }}
{{- else if $root.Values.minio.enabled -}}
{{ include "chart.name" (list $root (printf "store-%s" $client)) }}
{{- else if $root.Values.store.accessKey -}}
{{ include "chart.name" (list $root "store") }}
{{- end -}}
{{- end }}

{{/* A checksum annotation for pods that use the store's keys from the values: pods restart when the keys change. */}}
{{- define "chart.checksums" -}}
{{- if and .Values.store.accessKey (not .Values.minio.enabled) (not .Values.store.existingSecret) (not .Values.store.podIdentity) -}}
checksum/store: {{ list .Values.store.accessKey .Values.store.secretKey | toJson | sha256sum | quote }}
{{- end -}}
{{- end }}

{{- define "chart.minioSecret" -}}
{{- .Values.minio.existingSecret | default (include "chart.name" (list . "minio-root")) -}}
{{- end }}

{{- define "chart.apiSecret" -}}
{{- .Values.api.existingSecret | default (include "chart.name" (list . "api")) -}}
{{- end }}

{{- define "chart.staffSecret" -}}
{{- .Values.staffPages.existingSecret | default (include "chart.name" (list . "staff")) -}}
{{- end }}

{{/* Whether the Prometheus operator's resources are used. */}}
{{- define "chart.operator" -}}
{{- $known := .Capabilities.APIVersions.Has "monitoring.coreos.com/v1" -}}
{{- if or (eq .Values.monitoring.operator "always") (and (eq .Values.monitoring.operator "auto") $known) }}yes{{ end -}}
{{- end }}

{{/* Whether the bootstrap Job sets a model, as a retraining's pod does; empty: no. A corpus requires all of it. */}}
{{- define "chart.bootstrapPromotes" -}}
{{- with .Values -}}
{{- if and .bootstrap.enabled .bootstrap.register .api.enabled .retrain.enabled (include "chart.mlflowUrl" $) }}yes{{ end -}}
{{- end -}}
{{- end }}

{{/* The corpus as `training.retrain --from` takes it; empty: the one inside the images. */}}
{{- define "chart.corpus" -}}
{{- with .Values.corpus -}}
{{- if .storeKey }}store:{{ .storeKey }}{{ else if or .configMap .existingClaim }}/corpus/{{ .path }}{{ end -}}
{{- end -}}
{{- end }}
