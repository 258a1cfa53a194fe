{{- define "chart.promoteEnv" -}}
- {name: CHATBOT_K8S_RETRAIN_RESULT, value: /work/retrain.json}
- {name: CHATBOT_K8S_DEPLOYMENT, value: {{ include "chart.name" (list . "api") }}}
- {name: CHATBOT_K8S_PROMOTE_LEASE, value: {{ include "chart.name" (list . "promote") }}}
- {name: CHATBOT_K8S_API_PORT, value: "3000"}
- {name: CHATBOT_K8S_METRICS_PORT, value: "9464"}
{{- include "chart.apiClientEnv" . | nindent 0 }}
{{- with include "chart.pushgatewayUrl" . }}
- {name: CHATBOT_LOOP_PUSHGATEWAY, value: {{ . | quote }}}
{{- end }}
{{- with include "chart.mlflowUrl" . }}
- {name: MLFLOW_TRACKING_URI, value: {{ . | quote }}}
{{- end }}
{{- end }}
{{- define "chart.retrainEnv" -}}
- {name: MLFLOW_UNSENT, value: /var/lib/support-chatbot/unsent}
{{- with include "chart.mlflowUrl" . }}
- {name: MLFLOW_TRACKING_URI, value: {{ . | quote }}}
{{- end }}
{{- include "chart.slots" . | nindent 0 }}
{{- include "chart.storeEnv" (list . "retrain") | nindent 0 }}
{{- end }}
{{/* The pod of a retraining: what the CronJob's template holds, and what the admission policy compares with. */}}
{{- define "chart.retrainPod" -}}
{{ include "chart.pod" (list . "retrain" .Values.retrain) }}
restartPolicy: OnFailure
initContainers:
  # Thinks, and has no account on the API server.
  - name: retrain
    {{- include "chart.container" (list . .Values.retrain.image) | nindent 4 }}
    command: [python, -m, training.retrain, --out, /work/retrain.json]
    args: [--work, /var/lib/support-chatbot/work, --cache, /var/lib/support-chatbot/encoders]
    env: {{- include "chart.env" (list . .Values.retrain (include "chart.retrainEnv" .)) | nindent 6 }}
    resources: {{- toYaml .Values.retrain.resources | nindent 6 }}
    volumeMounts:
      - {name: work, mountPath: /work}
      - {name: scratch, mountPath: /var/lib/support-chatbot}
      - {name: tmp, mountPath: /tmp}
containers:
  # Acts, and holds no model.
  - name: promote
    {{- include "chart.container" (list . .Values.driftCheck.image) | nindent 4 }}
    command: [python, -m, k8s.promote]
    env: {{- include "chart.env" (list . .Values.retrain (include "chart.promoteEnv" .)) | nindent 6 }}
    resources: {{- toYaml .Values.driftCheck.actResources | nindent 6 }}
    volumeMounts:
      - {name: work, mountPath: /work, readOnly: true}
      - {name: tmp, mountPath: /tmp}
      {{- include "chart.accountMount" . | nindent 6 }}
volumes:
  - name: work
    emptyDir: {sizeLimit: 1Gi}
  - name: scratch
    emptyDir: {sizeLimit: {{ .Values.retrain.scratchSize }}}
  - name: tmp
    emptyDir: {sizeLimit: 4Gi}
  {{- include "chart.accountVolume" . | nindent 2 }}
{{- end }}
