"""QB-LIF on FPGA: from a trained burst-spiking network to a verified FPGA, with open tools."""
