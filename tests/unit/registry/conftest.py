from tests.house_fixture import house, house_template

__all__ = ["house", "house_template"]
