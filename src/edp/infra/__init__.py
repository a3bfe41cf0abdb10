"""What is deployed: packages for AWS, made from the EDP that is installed here."""
