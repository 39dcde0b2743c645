// SPDX-License-Identifier: Apache-2.0

/** Verdicts on recordings as text, JSON and CSV. */
@NullMarked
package io.mm4j.cli.verdict;

import org.jspecify.annotations.NullMarked;
