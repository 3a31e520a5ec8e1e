def all_of(path):
    return ""
