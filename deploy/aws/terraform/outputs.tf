output "objects_queue_url" {
  description = "For `queue` of the first entry of `aws` in countersign.yaml."
  value       = aws_sqs_queue.objects.url
}

output "events_queue_url" {
  description = "For `queue` of the second entry."
  value       = aws_sqs_queue.events.url
}

output "reader_role_arn" {
  description = "For `role_arn` of both."
  value       = aws_iam_role.reader.arn
}
