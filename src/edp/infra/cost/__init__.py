"""What a pipeline costs on AWS: what its files ask of each service, times list prices.

profile -> batches -> lines -> estimate
"""
