import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0050_bandits")]

    operations = [
        migrations.AddField(
            model_name='arm',
            name='min_similarity',
            field=models.FloatField(blank=True, help_text='Below this cosine no passage is near enough; 0.1 to 1.', null=True, validators=[django.core.validators.MinValueValidator(0.1), django.core.validators.MaxValueValidator(1.0)]),
        ),
        migrations.AddField(
            model_name='arm',
            name='passage_tokens',
            field=models.PositiveIntegerField(blank=True, help_text='Room for passages in the prompt, in tokens; never more than a third of what is left.', null=True, validators=[django.core.validators.MinValueValidator(16), django.core.validators.MaxValueValidator(8192)]),
        ),
        migrations.AddField(
            model_name='arm',
            name='passages_per_document',
            field=models.PositiveSmallIntegerField(blank=True, help_text='1 to 20.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)]),
        ),
        migrations.AddField(
            model_name='arm',
            name='similarity_to_best',
            field=models.FloatField(blank=True, help_text='How near a passage is at least, as a share of the nearest one; 0 to 1.', null=True, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)]),
        ),
        migrations.AddField(
            model_name='holdout',
            name='min_similarity',
            field=models.FloatField(blank=True, help_text='Below this cosine no passage is near enough; 0.1 to 1.', null=True, validators=[django.core.validators.MinValueValidator(0.1), django.core.validators.MaxValueValidator(1.0)]),
        ),
        migrations.AddField(
            model_name='holdout',
            name='passage_tokens',
            field=models.PositiveIntegerField(blank=True, help_text='Room for passages in the prompt, in tokens; never more than a third of what is left.', null=True, validators=[django.core.validators.MinValueValidator(16), django.core.validators.MaxValueValidator(8192)]),
        ),
        migrations.AddField(
            model_name='holdout',
            name='passages_per_document',
            field=models.PositiveSmallIntegerField(blank=True, help_text='1 to 20.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)]),
        ),
        migrations.AddField(
            model_name='holdout',
            name='similarity_to_best',
            field=models.FloatField(blank=True, help_text='How near a passage is at least, as a share of the nearest one; 0 to 1.', null=True, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)]),
        ),
        migrations.AddField(
            model_name='playgroundrun',
            name='min_similarity',
            field=models.FloatField(blank=True, help_text='Below this cosine no passage is near enough; 0.1 to 1.', null=True, validators=[django.core.validators.MinValueValidator(0.1), django.core.validators.MaxValueValidator(1.0)]),
        ),
        migrations.AddField(
            model_name='playgroundrun',
            name='passage_tokens',
            field=models.PositiveIntegerField(blank=True, help_text='Room for passages in the prompt, in tokens; never more than a third of what is left.', null=True, validators=[django.core.validators.MinValueValidator(16), django.core.validators.MaxValueValidator(8192)]),
        ),
        migrations.AddField(
            model_name='playgroundrun',
            name='passages_per_document',
            field=models.PositiveSmallIntegerField(blank=True, help_text='1 to 20.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)]),
        ),
        migrations.AddField(
            model_name='playgroundrun',
            name='similarity_to_best',
            field=models.FloatField(blank=True, help_text='How near a passage is at least, as a share of the nearest one; 0 to 1.', null=True, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)]),
        ),
        migrations.AddField(
            model_name='productionchange',
            name='min_similarity',
            field=models.FloatField(blank=True, help_text='Below this cosine no passage is near enough; 0.1 to 1.', null=True, validators=[django.core.validators.MinValueValidator(0.1), django.core.validators.MaxValueValidator(1.0)]),
        ),
        migrations.AddField(
            model_name='productionchange',
            name='passage_tokens',
            field=models.PositiveIntegerField(blank=True, help_text='Room for passages in the prompt, in tokens; never more than a third of what is left.', null=True, validators=[django.core.validators.MinValueValidator(16), django.core.validators.MaxValueValidator(8192)]),
        ),
        migrations.AddField(
            model_name='productionchange',
            name='passages_per_document',
            field=models.PositiveSmallIntegerField(blank=True, help_text='1 to 20.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)]),
        ),
        migrations.AddField(
            model_name='productionchange',
            name='similarity_to_best',
            field=models.FloatField(blank=True, help_text='How near a passage is at least, as a share of the nearest one; 0 to 1.', null=True, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)]),
        ),
    ]
