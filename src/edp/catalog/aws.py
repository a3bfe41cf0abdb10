"""The catalog on AWS: what EDP knows of tables, and how the Glue Data Catalog shows them."""

from edp.catalog.bucket import S3Catalog
from edp.catalog.glue import GlueTables

__all__ = ["GlueTables", "S3Catalog"]
