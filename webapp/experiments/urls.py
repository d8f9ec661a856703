from django.urls import path

from webapp.experiments import report_views

urlpatterns = [path("<str:token>/", report_views.report, name="experiment_report")]
