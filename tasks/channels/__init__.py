"""The kinds of channels: how each delivers a message. None of them knows Celery, the database or the queue.

message     what is delivered, and how it reads for people
addresses   which addresses of the internet a company's webhook may reach
webhook     signed JSON to a URL of a company
mail        e-mail to members, through the operator's SMTP server
services    chat and push services, and the operator's own channels, by `apprise`
deliverer   claims what is due, and hands each message to its kind
"""
