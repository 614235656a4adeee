"""A payment run from finance's release to the bank's word on the file (domain.md 3.5, 4)."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from uuid import UUID

    from rentbook_contracts.operation import Nothing
    from rentbook_contracts.refunds import (
        ASK_FATE,
        BUILD_FILE,
        SETTLE_RUN,
        SUBMIT_FILE,
        BuildFile,
        FileAnswer,
        FileBuilt,
        FileFate,
        PaymentRunCase,
        SettleRun,
        SubmitFile,
    )
    from rentbook_contracts.workflows import PAYMENT_RUN, RUN_LINE_SETTLED, RunLineSettled, payment_run_workflow_id

    from workflows.calling import Steps, broken_rule

FIRST_ASKING = timedelta(seconds=1)
LONGEST_ASKING = timedelta(minutes=5)
# A story that was begun before it believed the rows alone goes on as it began.
BELIEVES_ROWS = "a line is settled as far as its row says so"


@workflow.defn(name=PAYMENT_RUN.name)
class PaymentRun:
    """The file is made once every released line was posted or dropped, and handed over once."""

    @workflow.init
    def __init__(self, run: PaymentRunCase) -> None:
        self.steps = Steps(payment_run_workflow_id(run.run))
        self.believes_rows = workflow.patched(BELIEVES_ROWS)
        self.settled: set[UUID] = set()
        self.told = False

    @workflow.run
    async def run(self, run: PaymentRunCase) -> Nothing:
        built = await self.built(run)
        if built.count:
            answer = await self.handed_over(SubmitFile(run=run.run, sha256=built.sha256))
            await self.steps.call(SETTLE_RUN, SettleRun(run=run.run, fate=answer.fate))
        return Nothing()

    async def built(self, run: PaymentRunCase) -> FileBuilt:
        """Refunds makes the file when every line's row has its word, and says no before: a bare signal makes no file, and ends no run."""
        while True:
            await workflow.wait_condition(lambda: self.told and len(self.settled) >= run.lines)
            self.told = False
            try:
                return await self.steps.call(BUILD_FILE, BuildFile(run=run.run))
            except ActivityError as error:
                if not self.believes_rows or broken_rule(error) != "LinesStillWait":
                    raise

    async def handed_over(self, file: SubmitFile) -> FileAnswer:
        """An unknown outcome is asked about. Only the bank's own word that it never saw the file lets it be sent again."""
        answer = await self.steps.call(SUBMIT_FILE, file)
        pause = FIRST_ASKING
        while answer.fate in (FileFate.UNKNOWN, FileFate.NOT_SEEN):
            await workflow.sleep(pause)
            pause = min(pause * 2, LONGEST_ASKING)
            answer = await self.steps.call(SUBMIT_FILE if answer.fate is FileFate.NOT_SEEN else ASK_FATE, file)
        return answer

    @workflow.signal(name=RUN_LINE_SETTLED.name)
    def run_line_settled(self, line: RunLineSettled) -> None:
        self.settled.add(line.case)
        self.told = True
