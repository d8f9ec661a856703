from django.urls import path

from webapp.privacy import views

urlpatterns = [
    path("", views.your_data, name="your_data"),
    path("export/", views.data_export, name="data_export"),
    path("export/<uuid:export_id>/", views.download, name="download_export"),
    path("wipe/", views.wipe_data, name="wipe_data"),
    path("delete/", views.delete_account, name="delete_account"),
    path("receipt/<uuid:receipt_id>/", views.receipt, name="erasure_receipt"),
    path("receipt/<uuid:receipt_id>/text/", views.receipt_text, name="erasure_receipt_text"),
]
