//go:build linux && cgo

package library

// Call is an NVML function that this program may call, whatever its version.
type Call uint8

// The calls. What go-nvml calls by itself is here too: nvmlErrorString is not, since nothing here asks a Return for its text.
const (
	CallNone Call = iota
	CallInit
	CallShutdown
	CallDriverVersion
	CallNVMLVersion
	CallCUDAVersion
	CallCount
	CallHandleByIndex
	CallUUID

	CallName
	CallMinor
	CallSerial
	CallPCIInfo
	CallVBIOS
	CallArchitecture
	CallBrand
	CallCapability
	CallVirtualization

	CallFieldValues
	CallSamples
	CallUtilizationRates
	CallEncoderUtilization
	CallDecoderUtilization
	CallMemoryV2
	CallMemory
	CallPowerUsage
	CallEnergy
	CallEnforcedLimit
	CallDefaultLimit
	CallLimitConstraints
	CallTemperature
	CallTemperatureThreshold
	CallMarginTemperature
	CallFanCount
	CallFanSpeedOf
	CallFanSpeed
	CallClock
	CallClockReasons
	CallThrottleReasons
	CallECC
	CallPCIeReplay
	CallRemappedRows
	CallLinkGeneration
	CallLinkWidth
	CallNVLinkState
	CallPerformanceState

	CallComputeProcesses
	CallGraphicsProcesses
	CallMPSProcesses
	CallProcessUtilization

	CallMIGMode
	CallMIGMax
	CallMIGHandle
	CallGPUInstance
	CallComputeInstance
	CallAttributes

	CallEventSetCreate
	CallEventSetFree
	CallEventSetWait
	CallEventTypes
	CallRegisterEvents

	CallGPMSupport
	CallGPMAlloc
	CallGPMFree
	CallGPMSample
	CallGPMMIGSample
	CallGPMMetrics

	callEnd
)

// CallTotal is one more than the highest Call.
const CallTotal = int(callEnd)

// symbolsOf has the names that go-nvml may bind for a call, the one it prefers first.
var symbolsOf = [CallTotal][]string{
	CallInit:          {"nvmlInit_v2", "nvmlInit"},
	CallShutdown:      {"nvmlShutdown"},
	CallDriverVersion: {"nvmlSystemGetDriverVersion"},
	CallNVMLVersion:   {"nvmlSystemGetNVMLVersion"},
	CallCUDAVersion:   {"nvmlSystemGetCudaDriverVersion"},
	CallCount:         {"nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"},
	CallHandleByIndex: {"nvmlDeviceGetHandleByIndex_v2", "nvmlDeviceGetHandleByIndex"},
	CallUUID:          {"nvmlDeviceGetUUID"},

	CallName:           {"nvmlDeviceGetName"},
	CallMinor:          {"nvmlDeviceGetMinorNumber"},
	CallSerial:         {"nvmlDeviceGetSerial"},
	CallPCIInfo:        {"nvmlDeviceGetPciInfo_v3", "nvmlDeviceGetPciInfo_v2", "nvmlDeviceGetPciInfo"},
	CallVBIOS:          {"nvmlDeviceGetVbiosVersion"},
	CallArchitecture:   {"nvmlDeviceGetArchitecture"},
	CallBrand:          {"nvmlDeviceGetBrand"},
	CallCapability:     {"nvmlDeviceGetCudaComputeCapability"},
	CallVirtualization: {"nvmlDeviceGetVirtualizationMode"},

	CallFieldValues:          {"nvmlDeviceGetFieldValues"},
	CallSamples:              {"nvmlDeviceGetSamples"},
	CallUtilizationRates:     {"nvmlDeviceGetUtilizationRates"},
	CallEncoderUtilization:   {"nvmlDeviceGetEncoderUtilization"},
	CallDecoderUtilization:   {"nvmlDeviceGetDecoderUtilization"},
	CallMemoryV2:             {"nvmlDeviceGetMemoryInfo_v2"},
	CallMemory:               {"nvmlDeviceGetMemoryInfo"},
	CallPowerUsage:           {"nvmlDeviceGetPowerUsage"},
	CallEnergy:               {"nvmlDeviceGetTotalEnergyConsumption"},
	CallEnforcedLimit:        {"nvmlDeviceGetEnforcedPowerLimit"},
	CallDefaultLimit:         {"nvmlDeviceGetPowerManagementDefaultLimit"},
	CallLimitConstraints:     {"nvmlDeviceGetPowerManagementLimitConstraints"},
	CallTemperature:          {"nvmlDeviceGetTemperature"},
	CallTemperatureThreshold: {"nvmlDeviceGetTemperatureThreshold"},
	CallMarginTemperature:    {"nvmlDeviceGetMarginTemperature"},
	CallFanCount:             {"nvmlDeviceGetNumFans"},
	CallFanSpeedOf:           {"nvmlDeviceGetFanSpeed_v2"},
	CallFanSpeed:             {"nvmlDeviceGetFanSpeed"},
	CallClock:                {"nvmlDeviceGetClockInfo"},
	CallClockReasons:         {"nvmlDeviceGetCurrentClocksEventReasons"},
	CallThrottleReasons:      {"nvmlDeviceGetCurrentClocksThrottleReasons"},
	CallECC:                  {"nvmlDeviceGetTotalEccErrors"},
	CallPCIeReplay:           {"nvmlDeviceGetPcieReplayCounter"},
	CallRemappedRows:         {"nvmlDeviceGetRemappedRows"},
	CallLinkGeneration:       {"nvmlDeviceGetCurrPcieLinkGeneration"},
	CallLinkWidth:            {"nvmlDeviceGetCurrPcieLinkWidth"},
	CallNVLinkState:          {"nvmlDeviceGetNvLinkState"},
	CallPerformanceState:     {"nvmlDeviceGetPerformanceState"},

	CallComputeProcesses:   {"nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2", "nvmlDeviceGetComputeRunningProcesses"},
	CallGraphicsProcesses:  {"nvmlDeviceGetGraphicsRunningProcesses_v3", "nvmlDeviceGetGraphicsRunningProcesses_v2", "nvmlDeviceGetGraphicsRunningProcesses"},
	CallMPSProcesses:       {"nvmlDeviceGetMPSComputeRunningProcesses_v3", "nvmlDeviceGetMPSComputeRunningProcesses_v2", "nvmlDeviceGetMPSComputeRunningProcesses"},
	CallProcessUtilization: {"nvmlDeviceGetProcessUtilization"},

	CallMIGMode:         {"nvmlDeviceGetMigMode"},
	CallMIGMax:          {"nvmlDeviceGetMaxMigDeviceCount"},
	CallMIGHandle:       {"nvmlDeviceGetMigDeviceHandleByIndex"},
	CallGPUInstance:     {"nvmlDeviceGetGpuInstanceId"},
	CallComputeInstance: {"nvmlDeviceGetComputeInstanceId"},
	CallAttributes:      {"nvmlDeviceGetAttributes_v2", "nvmlDeviceGetAttributes"},

	CallEventSetCreate: {"nvmlEventSetCreate"},
	CallEventSetFree:   {"nvmlEventSetFree"},
	CallEventSetWait:   {"nvmlEventSetWait_v2", "nvmlEventSetWait"},
	CallEventTypes:     {"nvmlDeviceGetSupportedEventTypes"},
	CallRegisterEvents: {"nvmlDeviceRegisterEvents"},

	CallGPMSupport:   {"nvmlGpmQueryDeviceSupport"},
	CallGPMAlloc:     {"nvmlGpmSampleAlloc"},
	CallGPMFree:      {"nvmlGpmSampleFree"},
	CallGPMSample:    {"nvmlGpmSampleGet"},
	CallGPMMIGSample: {"nvmlGpmMigSampleGet"},
	CallGPMMetrics:   {"nvmlGpmMetricsGet"},
}

// essential are the calls without which no GPU can be found or told from another.
var essential = [...]Call{CallInit, CallShutdown, CallCount, CallHandleByIndex, CallUUID}

// Symbols says which calls this library has.
type Symbols struct{ name [CallTotal]string }

// Probe looks up every call. lookup tells whether the library exports a name.
func Probe(lookup func(string) bool) *Symbols {
	s := &Symbols{}
	for call := CallNone + 1; call < callEnd; call++ {
		for _, name := range symbolsOf[call] {
			if lookup(name) {
				s.name[call] = name
				break
			}
		}
	}
	return s
}

// Has tells whether a call may be made.
func (s *Symbols) Has(c Call) bool { return s.name[c] != "" }

// Name is the symbol behind a call; for a missing one the name by which it was looked for first.
func (s *Symbols) Name(c Call) string {
	if s.name[c] == "" && c > CallNone && c < callEnd {
		return symbolsOf[c][0]
	}
	return s.name[c]
}

// Missing names what was not found, by the name looked for first.
func (s *Symbols) Missing() []string {
	var missing []string
	for call := CallNone + 1; call < callEnd; call++ {
		if !s.Has(call) {
			missing = append(missing, s.Name(call))
		}
	}
	return missing
}

// Indispensable names missing symbols without which nothing can be read.
func (s *Symbols) Indispensable() []string {
	var missing []string
	for _, call := range essential {
		if !s.Has(call) {
			missing = append(missing, s.Name(call))
		}
	}
	return missing
}
