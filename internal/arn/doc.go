// Package arn parses and prints the names by which AWS and its clients refer to queues:
// Amazon resource names, account ids, regions and queue URLs.
//
// It knows how the names are written and nothing about which queues exist. All functions
// are pure and may be called from any goroutine.
//
// The forms of a queue URL are those of reference/sqs.md 3.2 and reference/ecosystem.md 4.2:
//
//	https://sqs.us-east-1.amazonaws.com/123456789012/orders      AWS today
//	https://us-west-2.queue.amazonaws.com/123456789012/orders    AWS, before 2015
//	http://localhost:9324/000000000000/orders                    our own
//	http://localhost:9324/queue/orders                           ElasticMQ
//	http://localhost:4566/queue/us-east-1/000000000000/orders    LocalStack, path style
//	http://sqs.us-east-1.localhost.localstack.cloud:4566/000000000000/orders
//	/123456789012/orders                                         the path of a request
//	arn:aws:sqs:us-east-1:123456789012:orders                    an ARN
//	orders                                                       a bare name
//
// Only account and name choose a queue. A host, a port, a scheme and the region of a URL
// never do: clients send whatever they once stored.
package arn
