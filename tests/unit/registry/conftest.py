from tests.office_fixture import office, office_template

__all__ = ["office", "office_template"]
