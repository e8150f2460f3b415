output "objects_queue_url" {
  description = "For `queue` of the first entry of `aws` in countersign.yaml."
  value       = aws_sqs_queue.objects.url
}

output "objects_role_arn" {
  description = "For its `role_arn`."
  value       = aws_iam_role.reader.arn
}

output "events_queue_url" {
  description = "For `queue` of the second entry."
  value       = module.events.queue_url
}

output "events_role_arn" {
  description = "For its `role_arn`."
  value       = module.events.role_arn
}
