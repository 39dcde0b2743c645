// SPDX-License-Identifier: Apache-2.0

/** Translations of addresses in words: what each step reads, and what its bits mean. */
@NullMarked
package io.mm4j.cli.translate;

import org.jspecify.annotations.NullMarked;
