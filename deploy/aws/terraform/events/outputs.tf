output "queue_url" {
  description = "For `queue` of an entry of `aws` in countersign.yaml."
  value       = aws_sqs_queue.events.url
}

output "role_arn" {
  description = "For its `role_arn`."
  value       = aws_iam_role.reader.arn
}
