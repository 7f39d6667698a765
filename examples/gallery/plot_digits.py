"""
Handwritten digits
==================

hello
"""
from rosenblatt import MLPClassifier
print(MLPClassifier())
