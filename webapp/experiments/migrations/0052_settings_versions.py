import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0051_retrieval_settings"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='experiment',
            options={'ordering': ['-created_at'], 'permissions': [('run_experiment', 'Can start experiments, and have them go on'), ('stop_experiment', 'Can pause, stop and roll back experiments'), ('ship_experiment', 'Can ship the winner of an experiment')]},
        ),
        migrations.AlterModelOptions(
            name='productionchange',
            options={'ordering': ['-created_at', '-pk'], 'permissions': [('roll_back_production', 'Can put back what was in production before')]},
        ),
        migrations.AddField(
            model_name='productionchange',
            name='is_rollback',
            field=models.BooleanField(default=False, help_text='Production went back to what it was before.'),
        ),
        migrations.CreateModel(
            name='SettingsVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('temperature', models.FloatField(blank=True, help_text='0 to 2.', null=True, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(2.0)])),
                ('top_p', models.FloatField(blank=True, help_text='0.01 to 1.', null=True, validators=[django.core.validators.MinValueValidator(0.01), django.core.validators.MaxValueValidator(1.0)])),
                ('max_reply_tokens', models.PositiveIntegerField(blank=True, help_text='16 to 8192.', null=True, validators=[django.core.validators.MinValueValidator(16), django.core.validators.MaxValueValidator(8192)])),
                ('num_passages', models.PositiveSmallIntegerField(blank=True, help_text='Passages of the library; 0 to 20.', null=True, validators=[django.core.validators.MaxValueValidator(20)])),
                ('passage_tokens', models.PositiveIntegerField(blank=True, help_text='Room for passages in the prompt, in tokens; never more than a third of what is left.', null=True, validators=[django.core.validators.MinValueValidator(16), django.core.validators.MaxValueValidator(8192)])),
                ('min_similarity', models.FloatField(blank=True, help_text='Below this cosine no passage is near enough; 0.1 to 1.', null=True, validators=[django.core.validators.MinValueValidator(0.1), django.core.validators.MaxValueValidator(1.0)])),
                ('similarity_to_best', models.FloatField(blank=True, help_text='How near a passage is at least, as a share of the nearest one; 0 to 1.', null=True, validators=[django.core.validators.MinValueValidator(0.0), django.core.validators.MaxValueValidator(1.0)])),
                ('passages_per_document', models.PositiveSmallIntegerField(blank=True, help_text='1 to 20.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(20)])),
                ('endpoint', models.SlugField(blank=True, help_text='Which model server answers: a name in CRIA_ENDPOINTS.', max_length=40)),
                ('number', models.PositiveIntegerField(unique=True)),
                ('note', models.CharField(help_text='What changes, and why.', max_length=400)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('author', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='settings_versions', to=settings.AUTH_USER_MODEL)),
                ('prompt', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='experiments.promptversion')),
                ('starters', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='experiments.starterset')),
            ],
            options={
                'ordering': ['-number'],
                'permissions': [('approve_settingsversion', 'Can approve settings for production'), ('put_settingsversion', 'Can put settings into production')],
            },
        ),
        migrations.CreateModel(
            name='SettingsApproval',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('is_approved', models.BooleanField()),
                ('note', models.CharField(blank=True, max_length=400)),
                ('was_alone', models.BooleanField(default=False, help_text='The author approved it, for there is nobody else.')),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('by', models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='settings_approvals', to=settings.AUTH_USER_MODEL)),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='approvals', to='experiments.settingsversion')),
            ],
            options={
                'ordering': ['created_at', 'pk'],
            },
        ),
        migrations.AddField(
            model_name='productionchange',
            name='version',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='changes', to='experiments.settingsversion'),
        ),    ]
